"""Kafka event → use case, for whole slices of a partition.

Delivery is at least once. Every replica learns all knowledge and products, each slice once by its own count of
offsets. Who a partition is assigned to keeps it in the index, together with the offset after it and never over
something newer. A question makes one turn and one answer, whatever dies in between (see Tell). A wish to be forgotten
may be granted twice: what was asked after it stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from attune.events.v1.erasure_pb2 import ErasureRequest
from attune.events.v1.knowledge_pb2 import KnowledgeEntry
from attune.events.v1.product_pb2 import Product as ProductRecord
from attune.events.v1.query_pb2 import QueryEvent
from chassis.kafka import Decoded, Rejected, Route, Slice, Source, proto_decoder
from qa import decoding
from qa.domain.identity import Person
from qa.domain.knowledge import Entry, LogPosition
from qa.domain.products import Product
from qa.usecases import Forget, Keep, Learn, Tell
from qa.usecases.ports import EmptyQuestion, Question, Said, Span

KNOWLEDGE, CATALOG = "attune.knowledge.v1", "attune.catalog.v1"
QUERIES, ERASURES = "attune.queries.v1", "attune.erasures.v1"
SHOP, PEOPLE = (KNOWLEDGE, CATALOG), (QUERIES, ERASURES)
AT_ONCE = 8  # people of one slice who are answered side by side; each one's questions in their order
Refused = list[tuple[int, Rejected]]


class Reached(Protocol):
    """Remembers how far topics are applied that one replica applies for all."""

    async def reach(self, span: Span) -> None: ...


class Reading(Protocol):
    """Whether this replica knows what the shop has said so far."""

    async def done(self) -> None:
        """Wait for it. Raises NotReadYet: what is waiting comes again."""


class ShopHandlers:
    """What the topics of the shop do: to the memory of each replica, and to what is kept for all."""

    def __init__(self, learn: Learn, keep: Keep) -> None:
        self._learn, self._keep = learn, keep

    def of_memory(self) -> list[Route[Any]]:
        """For every replica. Unreadable records go to `.dead` from where they are kept."""
        return [
            Route(KNOWLEDGE, proto_decoder(KnowledgeEntry), self.learn_knowledge, owner=False),
            Route(CATALOG, proto_decoder(ProductRecord), self.learn_catalog, owner=False),
        ]

    def of_index(self) -> list[Route[Any]]:
        """For whom a partition is assigned to. The catalogue's unreadable records belong to the recommender."""
        return [
            Route(KNOWLEDGE, proto_decoder(KnowledgeEntry), self.keep_knowledge),
            Route(CATALOG, proto_decoder(ProductRecord), self.keep_catalog, owner=False),
        ]

    async def learn_knowledge(self, part: Slice[KnowledgeEntry]) -> Refused:
        """What the shop can answer."""
        await self._learn.entries(_span(part), _entries(part)[0])
        return []

    async def learn_catalog(self, part: Slice[ProductRecord]) -> Refused:
        """Names and attributes of products."""
        await self._learn.products(_span(part), _products(part))
        return []

    async def keep_knowledge(self, part: Slice[KnowledgeEntry]) -> Refused:
        """What the shop can answer, beyond the life of a process."""
        said, refused = _entries(part)
        await self._keep.entries(_span(part), said)
        return refused

    async def keep_catalog(self, part: Slice[ProductRecord]) -> Refused:
        """Names and attributes of products, beyond the life of a process."""
        await self._keep.products(_span(part), _products(part))
        return []


class PeopleHandlers:
    """What the topics of people do. Their unreadable records go to `.dead` from their owners."""

    def __init__(self, tell: Tell, forget: Forget, reached: Reached, reading: Reading) -> None:
        self._tell, self._forget, self._reached, self._reading = tell, forget, reached, reading

    def routes(self) -> list[Route[Any]]:
        """For whom a partition is assigned to."""
        return [
            Route(QUERIES, proto_decoder(QueryEvent), self.queries, owner=False),
            Route(ERASURES, proto_decoder(ErasureRequest), self.erasures, owner=False),
        ]

    async def queries(self, part: Slice[QueryEvent]) -> Refused:
        """Questions are answered; searches are not ours."""
        refused: Refused = []
        asked: dict[tuple[str, str], list[tuple[int, Question]]] = {}
        for item in part.items:
            try:
                question = None if item.value is None else decoding.question(item.value)
            except Rejected as why:
                refused.append((item.offset, why))
                continue
            if question is not None:
                asked.setdefault((question.tenant, question.user), []).append((item.offset, question))
        if asked:
            await self._reading.done()
        waiting = iter(asked.values())
        takers = [asyncio.create_task(self._answer_in_turn(waiting)) for _ in range(min(AT_ONCE, len(asked)))]
        try:
            for taken in await asyncio.gather(*takers):
                refused += taken
        finally:
            for taker in takers:  # an outage: none goes on behind the back of the slice, which comes again
                taker.cancel()
            await asyncio.gather(*takers, return_exceptions=True)
        await self._reached.reach(_span(part))
        return refused

    async def erasures(self, part: Slice[ErasureRequest]) -> Refused:
        """People to forget."""
        for item in part.items:
            if item.value is not None:
                person = Person.of(item.value.tenant, item.value.user_id)
                await self._forget(person, decoding.seconds(item.value.requested_at))
        await self._reached.reach(_span(part))
        return []

    async def _answer_in_turn(self, waiting: Iterable[Sequence[tuple[int, Question]]]) -> Refused:
        """Take person after person from those who wait."""
        refused: Refused = []
        for questions in waiting:
            for offset, question in questions:
                try:
                    await self._tell(question)
                except EmptyQuestion as error:
                    refused.append((offset, Rejected("empty-question", field=error.field, remedy=error.remedy)))
        return refused


def resume_memory(learn: Learn) -> Callable[[Collection[Source]], Awaitable[Mapping[Source, int]]]:
    """A replica goes on after what it remembers, and reads everything else."""

    async def applied(sources: Collection[Source]) -> Mapping[Source, int]:
        return {source: learn.applied(source.log, source.topic, source.partition) or 0 for source in sources}

    return applied


def resume_index(keep: Keep) -> Callable[[Collection[Source]], Awaitable[Mapping[Source, int]]]:
    """Keeping goes on where the index stands, whatever Kafka has of it."""

    async def applied(sources: Collection[Source]) -> Mapping[Source, int]:
        return {source: await keep.applied(source.log, source.topic, source.partition) or 0 for source in sources}

    return applied


def _entries(part: Slice[KnowledgeEntry]) -> tuple[list[Said[Entry]], Refused]:
    said: list[Said[Entry]] = []
    refused: Refused = []
    for item in part.items:
        at = _position(part, item)
        try:
            entry = None if item.value is None else decoding.entry(item.value, at)
        except Rejected as why:
            refused.append((item.offset, why))
            continue
        said.append(Said(at, item.key if entry is None else entry.entry_id, entry))
    return said, refused


def _products(part: Slice[ProductRecord]) -> list[Said[Product]]:
    said: list[Said[Product]] = []
    for item in part.items:
        at = _position(part, item)
        product = None if item.value is None else decoding.product(item.value, at)
        said.append(Said(at, item.key if product is None else product.product_id, product))
    return said


def _position(part: Slice[Any], item: Decoded[Any]) -> LogPosition:
    return LogPosition(part.source.log, part.source.partition, item.offset)


def _span(part: Slice[Any]) -> Span:
    return Span(part.source.log, part.source.topic, part.source.partition, part.next_offset)
