"""Kafka event → use case, for whole slices of a partition.

Delivery is at least once and the effect exactly once: the store writes a slice together with the offset after it, and
passes over what lies before the offset it holds, so that a slice which comes again changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np

from chassis.kafka import Decoded, Offsets, Rejected, Route, Slice, Source
from chassis.telemetry import log
from needs import decoding
from needs.arrivals import Arrivals
from needs.decoding import Click, Erasure, Query
from needs.domain.identity import Person, name, names
from needs.domain.placement import partition_of
from needs.domain.products import LogPosition, Product, ProductTable
from needs.domain.shop_record import ShopRecord
from needs.domain.state import Behaviors
from needs.domain.weights import KindWeights, TextKind
from needs.domain.words import LONGEST, Text
from needs.usecases import Learn, LearnProducts, MemoryAway, Span

CLICKS, QUERIES, USERS, ERASURES = (f"attune.{topic}.v1" for topic in ("clickstream", "queries", "users", "erasures"))
PRODUCTS = "attune.product-vectors.v1"
PEOPLE = (CLICKS, QUERIES, USERS, ERASURES)  # keyed by user: one partition holds all of a person

_AHEAD = timedelta(days=1)  # a clock that is further ahead would make all that a person did before look old
_PAUSE = 0.5  # seconds between two questions to a store that is away

T = TypeVar("T")
Refused = list[tuple[int, Rejected]]


@dataclass(frozen=True, slots=True)
class Handlers:
    """What each topic does to the use cases."""

    learn: Learn
    learn_products: LearnProducts
    products: ProductTable
    arrivals: Arrivals
    weights: KindWeights
    language: Callable[[str], str]  # of a text, where the event does not say it
    now: Callable[[], int]  # milliseconds since 1970
    partitions: int
    space: str

    def of_people(self) -> list[Route[Any]]:
        """Read by one replica per partition."""
        return [
            Route(CLICKS, decoding.clicks(), self.clicks),
            Route(QUERIES, decoding.queries(), self.queries),
            Route(USERS, decoding.users(), self.users),
            Route(ERASURES, decoding.erasures(), self.erasures),
        ]

    def of_products(self) -> list[Route[Any]]:
        """Read by every replica, from the beginning."""
        return [Route(PRODUCTS, decoding.products(self.space), self.product_vectors)]

    async def clicks(self, part: Slice[Click]) -> Refused:
        """Behaviours move the need; the words of reviews join what was said."""
        given, refused = self._good(part, lambda click: click.at)
        given = [(offset, click) for offset, click in given if click.product_id]  # else about a composed text alone
        await self.arrivals.wait_for({(click.person.tenant, click.product_id) for _, click in given})
        known: list[tuple[int, Click, int]] = []
        for offset, click in given:
            product = self.products.name_of(click.person.tenant, click.product_id)
            if product is None:
                refused.append((offset, _unknown(click)))
            else:
                known.append((offset, click, product))
        people, batch = _columns(known, self.weights)
        reviews = [(offset, click.person, self._review(click)) for offset, click, _ in known if click.text]
        await self.learn.behaviors(_span(part), people, batch, reviews)
        return refused

    async def queries(self, part: Slice[Query]) -> Refused:
        """Words move the need too."""
        given, refused = self._good(part, lambda query: query.at)
        said = [(offset, query.person, self._said(query, self.weights.of_text(query.kind))) for offset, query in given]
        await self.learn.texts(_span(part), said)
        return refused

    async def users(self, part: Slice[tuple[Person, ShopRecord]]) -> Refused:
        """The record as it is now; one without a value is gone."""
        good, refused = self._placed(part.items, part.source.partition)
        read = [(i.offset, *(i.value if i.value is not None else (Person("", i.key), None))) for i in good]
        await self.learn.records(_span(part), read)
        return refused

    async def erasures(self, part: Slice[Erasure]) -> Refused:
        """All of a person goes, and what happened before does not bring them back."""
        given, refused = self._good(part, lambda erasure: erasure.at)
        await self.learn.erasures(_span(part), [(offset, erasure.person, erasure.at) for offset, erasure in given])
        return refused

    async def product_vectors(self, part: Slice[Product]) -> Refused:
        """A newer state of a product replaces the older; one that is gone still says what people wanted."""
        source = part.source
        await self.learn_products(
            [
                replace(item.value, position=LogPosition(source.log, source.partition, item.offset))
                for item in part.items
                if item.value is not None
            ]
        )
        return []

    def _good(self, part: Slice[T], at: Callable[[T], int]) -> tuple[list[tuple[int, T]], Refused]:
        """Events with their offsets, in the right partition and not of the future."""
        placed, refused = self._placed(part.items, part.source.partition)
        latest = self.now() + _AHEAD // timedelta(milliseconds=1)
        good: list[tuple[int, T]] = []
        for item in placed:
            if item.value is None:
                refused.append((item.offset, Rejected("no-value", field="value", remedy="send the event as the value")))
            elif at(item.value) > latest:
                refused.append((item.offset, _future(at(item.value))))
            else:
                good.append((item.offset, item.value))
        return good, refused

    def _placed(self, items: Iterable[Decoded[T]], partition: int) -> tuple[list[Decoded[T]], Refused]:
        good: list[Decoded[T]] = []
        refused: Refused = []
        for item in items:
            right = partition_of(item.key, self.partitions)
            if right == partition:
                good.append(item)
            else:
                refused.append((item.offset, _misplaced(item.key, partition, right)))
        return good, refused

    def _said(self, query: Query, weight: float) -> Text:
        language = query.language or self.language(query.text)
        return Text(query.text[:LONGEST], query.kind, query.at, weight, name(query.event_id), language)

    def _review(self, click: Click) -> Text:
        language = click.language or self.language(click.text)
        weight = self.weights.of_text(TextKind.REVIEW, click.rating)
        return Text(click.text[:LONGEST], TextKind.REVIEW, click.at, weight, name(click.event_id), language)


def resume(offsets: Offsets) -> Callable[[Collection[Source]], Awaitable[Mapping[Source, int]]]:
    """Where each partition goes on: where the store says. It knows better than Kafka what it holds, and what it lost.

    Waits for a store that is away: the consumer would never ask again.
    """

    async def ask(sources: Collection[Source]) -> Mapping[Source, int]:
        while True:
            try:
                return {
                    source: await offsets.applied(source.log, source.topic, source.partition) or 0 for source in sources
                }
            except MemoryAway as away:
                log.warning("waiting for the memory of needs", reason=away.value)
                await asyncio.sleep(_PAUSE)

    return ask


def _span(part: Slice[Any]) -> Span:
    return Span(part.source.log, part.source.topic, part.source.partition, part.next_offset)


def _columns(known: Sequence[tuple[int, Click, int]], weights: KindWeights) -> tuple[list[Person], Behaviors]:
    rows: dict[Person, int] = {}
    kinds = np.array([click.kind for _, click, _ in known], dtype=np.uint8)
    nothing = float("nan")
    ratings = np.array([nothing if click.rating is None else click.rating for _, click, _ in known], dtype=np.float64)
    batch = Behaviors(
        offsets=np.array([offset for offset, _, _ in known], dtype=np.int64),
        people=np.array([rows.setdefault(click.person, len(rows)) for _, click, _ in known], dtype=np.int64),
        products=np.array([product for _, _, product in known], dtype=np.uint64),
        kinds=kinds,
        times=np.array([click.at for _, click, _ in known], dtype=np.int64),
        weights=weights.of(kinds, ratings),
        events=names(click.event_id for _, click, _ in known),
    )
    return list(rows), batch


def _unknown(click: Click) -> Rejected:
    remedy = f"load the product of the shop {click.person.tenant} into attune.catalog.v1, then send the event again"
    return Rejected("unknown-product", field="product_id", value=click.product_id, remedy=remedy)


def _misplaced(key: str, partition: int, right: int) -> Rejected:
    remedy = (
        f"its key belongs to {right}: produce with the murmur2 partitioner (librdkafka: partitioner=murmur2_random)"
    )
    return Rejected("wrong-partition", field="partition", value=f"{partition} for {key}", remedy=remedy)


def _future(at: int) -> Rejected:
    time = (decoding.EPOCH + timedelta(milliseconds=at)).isoformat()
    remedy = "send when it happened; this is more than a day ahead, so look at the clock of the producer"
    return Rejected("future", field="occurred_at", value=time, remedy=remedy)
