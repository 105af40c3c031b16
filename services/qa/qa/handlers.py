"""Kafka event → use case, for whole slices of a partition.

Delivery is at least once. Knowledge and products are written together with the offset after them, and a slice that
comes again is passed over; a question is answered once, because the store notes which answers were published; a wish
to be forgotten may be granted twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from attune.events.v1.answer_pb2 import AnswerEvent, AnswerOutcome
from attune.events.v1.erasure_pb2 import ErasureRequest
from attune.events.v1.knowledge_pb2 import KnowledgeEntry
from attune.events.v1.product_pb2 import Product as ProductRecord
from attune.events.v1.query_pb2 import QueryEvent
from chassis.kafka import Producer, Rejected, Route, Slice, Source, proto_decoder
from qa import decoding
from qa.domain.identity import Person
from qa.domain.knowledge import LogPosition
from qa.usecases import Forget, Learn, Respond
from qa.usecases.ports import EmptyQuestion, Question, Reply, Span

KNOWLEDGE, CATALOG = "attune.knowledge.v1", "attune.catalog.v1"
QUERIES, ANSWERS, ERASURES = "attune.queries.v1", "attune.answers.v1", "attune.erasures.v1"
Refused = list[tuple[int, Rejected]]


class Handlers:
    """What each topic does to the use cases."""

    def __init__(
        self, learn: Learn, respond: Respond, forget: Forget, producer: Producer, now: Callable[[], float]
    ) -> None:
        """`now`: seconds since 1970."""
        self._learn, self._respond, self._forget, self._producer, self._now = learn, respond, forget, producer, now

    def routes(self) -> list[Route[Any]]:
        """Knowledge is ours: its unreadable records go to `.dead` from here, those of the others from their owners."""
        return [
            Route(KNOWLEDGE, proto_decoder(KnowledgeEntry), self.knowledge),
            Route(CATALOG, proto_decoder(ProductRecord), self.catalog, owner=False),
            Route(QUERIES, proto_decoder(QueryEvent), self.queries, owner=False),
            Route(ERASURES, proto_decoder(ErasureRequest), self.erasures, owner=False),
        ]

    async def knowledge(self, part: Slice[KnowledgeEntry]) -> Refused:
        """What the shop can answer."""
        said, refused = [], []
        for item in part.items:
            try:
                entry = None if item.value is None else decoding.entry(item.value, _position(part.source, item.offset))
            except Rejected as why:
                refused.append((item.offset, why))
                continue
            said.append((item.offset, item.key if entry is None else entry.entry_id, entry))
        await self._learn.entries(_span(part), said)
        return refused

    async def catalog(self, part: Slice[ProductRecord]) -> Refused:
        """Names and attributes of products."""
        said = []
        for item in part.items:
            product = None if item.value is None else decoding.product(item.value, _position(part.source, item.offset))
            said.append((item.offset, item.key if product is None else product.product_id, product))
        await self._learn.products(_span(part), said)
        return []

    async def queries(self, part: Slice[QueryEvent]) -> Refused:
        """Questions are answered; searches are not ours."""
        refused: Refused = []
        for item in part.items:
            if item.value is None:
                continue
            try:
                question = decoding.question(item.value)
                if question is not None:
                    await self._answer(question)
            except Rejected as why:
                refused.append((item.offset, why))
            except EmptyQuestion as error:
                refused.append((item.offset, Rejected("empty-question", field=error.field, remedy=error.remedy)))
        return refused

    async def erasures(self, part: Slice[ErasureRequest]) -> Refused:
        """People to forget."""
        for item in part.items:
            if item.value is not None:
                person = Person.of(item.value.tenant, item.value.user_id)
                await self._forget(person, decoding.seconds(item.value.requested_at))
        return []

    async def _answer(self, question: Question) -> None:
        reply = await self._respond.once(question)
        if reply is None:
            return
        await self._producer.send(ANSWERS, question.user, answer_event(question, reply, self._now()), form="json")
        await self._respond.published(question)


def answer_event(question: Question, reply: Reply, now: float) -> AnswerEvent:
    """The answer as it is published."""
    answer = reply.answer
    at = Timestamp()
    at.FromMilliseconds(round(now * 1000))
    return AnswerEvent(
        event_id=f"answer:{question.event_id}"[:128],
        tenant=question.tenant,
        user_id=question.user,
        question_event_id=question.event_id,
        dialogue_id=reply.dialogue_id,
        answered_at=at,
        outcome=AnswerOutcome.ValueType(answer.outcome),
        text=answer.text,
        language=answer.language,
        probability=answer.probability,
        entry_ids=[citation.entry_id for citation in answer.citations],
    )


def resume(learn: Learn) -> Callable[[Collection[Source]], Awaitable[Mapping[Source, int]]]:
    """Knowledge and products go on where the index stands, whatever Kafka has of it."""

    async def applied(sources: Collection[Source]) -> Mapping[Source, int]:
        known = {source: learn.applied(source.log, source.topic, source.partition) for source in sources}
        return {source: offset for source, offset in known.items() if offset is not None}

    return applied


def _position(source: Source, offset: int) -> LogPosition:
    return LogPosition(source.log, source.partition, offset)


def _span(part: Slice[Any]) -> Span:
    return Span(part.source.log, part.source.topic, part.source.partition, part.next_offset)
