"""Kafka event → use case, for whole slices of a partition.

Delivery is at least once and the effect exactly once: the store writes a slice together with the offset after it, and
passes over what lies before the offset it holds, so that a slice which comes again changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import compress
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from chassis.kafka import Decoded, Offsets, Rejected, Route, Slice, Source
from chassis.telemetry import log
from needs import decoding, reading, refusals
from needs.arrivals import Arrivals
from needs.clicks import Click, Clicks, behaviors_of
from needs.decoding import Erasure, Query
from needs.domain.identity import Names, Person, name
from needs.domain.placement import partition_of
from needs.domain.products import LogPosition, Product, ProductTable
from needs.domain.shop_record import ShopRecord
from needs.domain.weights import Kind, KindWeights, TextKind
from needs.domain.words import LONGEST, Text
from needs.instants import AHEAD
from needs.usecases import Forget, Learn, LearnProducts, MemoryAway, Span

CLICKS, QUERIES, USERS, ERASURES = (f"attune.{topic}.v1" for topic in ("clickstream", "queries", "users", "erasures"))
PRODUCTS = "attune.product-vectors.v1"
PEOPLE = (CLICKS, QUERIES, USERS, ERASURES)  # keyed by user: one partition holds all of a person

_PRODUCTS = 200  # of a slice, some 20 ms of work: clicks and calls come in between
_PAUSE = 0.5  # seconds between two questions to a store that is away

T = TypeVar("T")
Refused = list[tuple[int, Rejected]]


@dataclass(frozen=True, slots=True)
class Handlers:
    """What each topic does to the use cases."""

    learn: Learn
    forget: Forget
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
            Route(CLICKS, None, self.clicks, decode_slice=reading.clicks()),
            Route(QUERIES, decoding.queries(), self.queries),
            Route(USERS, decoding.users(), self.users),
            Route(ERASURES, decoding.erasures(), self.erasures),
        ]

    def of_products(self) -> list[Route[Any]]:
        """Read by every replica, from the beginning."""
        return [Route(PRODUCTS, decoding.products(self.space), self.product_vectors, at_once=_PRODUCTS)]

    async def clicks(self, part: Slice[Click]) -> Refused:
        """Behaviours move the need, the words of reviews join what was said, and who signs in is who they were."""
        clicks = part.items if isinstance(part.items, Clicks) else Clicks.of(part.items)
        partition, latest = part.source.partition, self._latest()
        clicks, refused = clicks.sifted(self._placed(clicks.users, partition), lambda c: self._misplaced(c.person.user))
        clicks, early = clicks.sifted(clicks.times <= latest, lambda click: refusals.future(click.at))
        sign_ins, clicks = clicks.sign_ins(), clicks.of_products()
        products = await self._products_of(clicks.tenants, clicks.products)
        clicks, unknown = clicks.sifted(products != 0, lambda c: refusals.unknown(c.person.tenant, c.product_id))
        people, batch = behaviors_of(clicks, products[products != 0], self.weights)
        reviews = [self._review(*item) for item in clicks.reviews()]
        people += sorted({person for _, person, _, _ in sign_ins}.difference(people))
        await self.learn.behaviors(_span(part), people, batch, reviews, sign_ins)
        return [*refused, *early, *unknown]

    async def queries(self, part: Slice[Query]) -> Refused:
        """Words move the need too, and a question about a product is a behaviour towards it."""
        given, refused = self._good(part, lambda query: query.at)
        said = [(offset, query.person, self._said(query, self.weights.of_text(query.kind))) for offset, query in given]
        about = Clicks.of(_asked(offset, query) for offset, query in given if query.product_id)
        if not about:
            await self.learn.texts(_span(part), said)
            return refused
        products = await self._products_of(about.tenants, about.products)
        people, batch = behaviors_of(about.take(products != 0), products[products != 0], self.weights)
        people += sorted({person for _, person, _ in said}.difference(people))
        await self.learn.behaviors(_span(part), people, batch, said)
        return refused

    async def users(self, part: Slice[tuple[Person, ShopRecord]]) -> Refused:
        """The record as it is now; one without a value is gone."""
        good, refused = self._rightly_placed(part)
        read = [(i.offset, *(i.value if i.value is not None else (Person("", i.key), None))) for i in good]
        await self.learn.records(_span(part), read)
        return refused

    async def erasures(self, part: Slice[Erasure]) -> Refused:
        """All of a person goes, and what happened before does not bring them back."""
        given, refused = self._good(part, lambda erasure: erasure.at)
        await self.forget.asked(_span(part), [(offset, erasure.person, erasure.at) for offset, erasure in given])
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
        placed, refused = self._rightly_placed(part)
        good: list[tuple[int, T]] = []
        for item in placed:
            if item.value is None:
                refused.append((item.offset, refusals.no_value()))
            elif at(item.value) > self._latest():
                refused.append((item.offset, refusals.future(at(item.value))))
            else:
                good.append((item.offset, item.value))
        return good, refused

    def _rightly_placed(self, part: Slice[T]) -> tuple[list[Decoded[T]], Refused]:
        right = self._placed([item.key for item in part.items], part.source.partition).tolist()
        refused = [
            (item.offset, self._misplaced(item.key)) for item, so in zip(part.items, right, strict=True) if not so
        ]
        return list(compress(part.items, right)), refused

    def _placed(self, keys: Sequence[str], partition: int) -> NDArray[np.bool_]:
        """(n,) whether each key belongs into this partition."""
        wrong = {key for key in set(keys) if partition_of(key, self.partitions) != partition}
        return np.array([key not in wrong for key in keys], dtype=bool) if wrong else np.ones(len(keys), dtype=bool)

    def _misplaced(self, key: str) -> Rejected:
        return refusals.misplaced(key, partition_of(key, self.partitions))

    def _latest(self) -> int:
        return self.now() + AHEAD // timedelta(milliseconds=1)

    async def _products_of(self, tenants: Sequence[str], products: Sequence[str]) -> Names:
        """(n,) the name of each product, 0 where it stays unknown; those that are on their way are waited for."""
        found = self.products.names_of(tenants, products)
        if found.all():
            return found
        missing = (found == 0).tolist()
        await self.arrivals.wait_for(set(compress(zip(tenants, products, strict=True), missing)))
        return self.products.names_of(tenants, products)

    def _said(self, query: Query, weight: float) -> Text:
        language = query.language or self.language(query.text)
        return Text(query.text[:LONGEST], query.kind, query.at, weight, name(query.event_id), language)

    def _review(self, offset: int, click: Click) -> tuple[int, Person, Text]:
        language = click.language or self.language(click.text)
        weight = self.weights.of_text(TextKind.REVIEW, click.rating)
        text = Text(click.text[:LONGEST], TextKind.REVIEW, click.at, weight, name(click.event_id), language)
        return offset, click.person, text


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


def _asked(offset: int, query: Query) -> Decoded[Click]:
    """A question about a product. One whose product stays unknown counts by its words alone."""
    click = Click(query.event_id, query.person, query.product_id, Kind.ASKED, query.at, None, "", "")
    return Decoded(offset, query.person.user, click)


def _span(part: Slice[Any]) -> Span:
    source = part.source
    return Span(source.log, source.topic, source.partition, part.next_offset, part.begins)
