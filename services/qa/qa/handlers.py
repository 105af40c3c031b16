"""Kafka event → use case, for whole slices of a partition.

Delivery is at least once. Every replica learns all knowledge and products, each slice once by its own count of
offsets. Who a partition is assigned to keeps it in the index, together with the offset after it and never over
something newer. A question makes one turn and one answer, whatever dies in between (see Tell). A wish to be forgotten
may be granted twice: what was asked after it stays. An index or a Redis that came back without its last writes is
given them again: reading goes back to what it holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from attune.events.v1.erasure_pb2 import ErasureRequest
from attune.events.v1.knowledge_pb2 import KnowledgeEntry
from attune.events.v1.product_pb2 import Product as ProductRecord
from chassis.kafka import Decoded, Rejected, Rewound, Route, Slice, Source, proto_decoder
from qa import decoding
from qa.decoding import Given
from qa.domain.identity import Person
from qa.domain.knowledge import Entry, LogPosition
from qa.domain.products import Product
from qa.usecases import Forget, Keep, Learn, Tell
from qa.usecases.ports import EmptyQuestion, MemoryAway, Question, Said, Span

KNOWLEDGE, CATALOG = "attune.knowledge.v1", "attune.catalog.v1"
QUERIES, ERASURES = "attune.queries.v1", "attune.erasures.v1"
SHOP, PEOPLE = (KNOWLEDGE, CATALOG), (QUERIES, ERASURES)
AT_ONCE = 8  # people of one slice who are answered side by side; each one's questions in their order
Refused = list[tuple[int, Rejected]]


class Positions(Protocol):
    """Remembers how far topics are applied that one replica applies for all."""

    async def stands(self, log: str, topic: str, partition: int) -> int | None:
        """The offset to go on from; None: nothing is known of this partition."""

    async def reach(self, span: Span) -> None:
        """Everything before the span's offset is applied."""

    async def run(self) -> str:
        """Names the life of the engine: one that was started anew may have lost what it had acknowledged."""


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
        await self._whole(part)
        said, refused = _entries(part)
        await self._keep.entries(_span(part), said)
        return refused

    async def keep_catalog(self, part: Slice[ProductRecord]) -> Refused:
        """Names and attributes of products, beyond the life of a process."""
        await self._whole(part)
        await self._keep.products(_span(part), _products(part))
        return []

    async def _whole(self, part: Slice[Any]) -> None:
        """Raises Rewound where the index was restored to an earlier state, or made anew."""
        if part.begins:
            held = await self._keep.applied(part.source.log, part.source.topic, part.source.partition) or 0
            if held < part.begins:
                raise Rewound(held)


class PeopleHandlers:
    """What the topics of people do. Their unreadable records go to `.dead` from their owners."""

    def __init__(self, tell: Tell, forget: Forget, positions: Positions, reading: Reading) -> None:
        self._tell, self._forget, self._positions, self._reading = tell, forget, positions, reading
        self._ends: dict[Source, int] = {}  # where the last slice ended
        self._unsure: set[Source] = set()  # what comes next there may have been answered before

    def routes(self) -> list[Route[Any]]:
        """For whom a partition is assigned to."""
        return [
            Route(QUERIES, decoding.decode_query, self.queries, owner=False),
            Route(ERASURES, decoding.decode_erasure, self.erasures, owner=False),
        ]

    async def queries(self, part: Slice[Given]) -> Refused:
        """Questions are answered; searches are not ours."""
        asked, refused = _questions(part)
        async with self._wholly(part):
            self._compare(part)
            if asked:
                await self._reading.done()
                await self._look_back(part, asked.values())
            waiting = iter(asked.values())
            takers = [asyncio.create_task(self._answer_in_turn(waiting)) for _ in range(min(AT_ONCE, len(asked)))]
            try:
                for taken in await asyncio.gather(*takers):
                    refused += taken
            finally:
                for taker in takers:  # an outage: none goes on behind the back of the slice, which comes again
                    taker.cancel()
                await asyncio.gather(*takers, return_exceptions=True)
        return refused

    async def erasures(self, part: Slice[ErasureRequest]) -> Refused:
        """People to forget."""
        async with self._wholly(part):
            for item in part.items:
                if item.value is not None:
                    person = Person.of(item.value.tenant, item.value.user_id)
                    await self._forget(person, decoding.seconds(item.value.requested_at))
        return []

    @asynccontextmanager
    async def _wholly(self, part: Slice[Any]) -> AsyncIterator[None]:
        """Around the work on a slice, which ends where Redis stands after it.

        Raises Rewound where Redis came back without the writes before the slice, and MemoryAway, so that the slice
        comes again, where it was started anew in the middle: a prefix of its writes may be lost, and only that.
        """
        source = part.source
        run = await self._positions.run()
        held = await self._positions.stands(source.log, source.topic, source.partition)
        if (held or 0) < part.begins and not (held is None and source.topic == QUERIES):
            raise Rewound(held or 0)  # of questions without any position Kafka knows more than Redis
        yield
        await self._positions.reach(_span(part))
        if await self._positions.run() != run:
            self._ends.pop(source, None)
            raise MemoryAway("it was started anew in the middle of a slice")
        self._ends[source] = part.next_offset

    def _compare(self, part: Slice[Any]) -> None:
        """Where reading does not go on from where it ended here, questions may have been answered before.

        Who answered them may have died, or Redis may have lost that they were. The first slice may hold none.
        """
        first = part.items[0].offset if part.items else part.next_offset
        if not part.begins <= self._ends.get(part.source, -1) <= first:
            self._unsure.add(part.source)

    async def _look_back(self, part: Slice[Any], asked: Iterable[Sequence[tuple[int, Question]]]) -> None:
        if part.source in self._unsure:
            await self._tell.look_back(min(question.at for questions in asked for _, question in questions))
            self._unsure.discard(part.source)

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


def _questions(part: Slice[Given]) -> tuple[dict[tuple[str, str], list[tuple[int, Question]]], Refused]:
    """Per person, in their order."""
    asked: dict[tuple[str, str], list[tuple[int, Question]]] = {}
    refused: Refused = []
    for item in part.items:
        try:
            question = None if item.value is None else decoding.question(item.value)
        except Rejected as why:
            refused.append((item.offset, why))
            continue
        if question is not None:
            asked.setdefault((question.tenant, question.user), []).append((item.offset, question))
    return asked, refused


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
