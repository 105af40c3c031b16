"""The needs service without engines: its handlers and verbs on a memory of rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import numpy as np

from attune_evaluate.inprocess.feeding import feed
from chassis.kafka import Position, Record
from lm import lexical
from lm.language import detect
from lm.protocols import Encoder
from needs.arrivals import Arrivals
from needs.domain.identity import Person
from needs.domain.need import Mode
from needs.domain.products import Product, ProductTable
from needs.domain.state import LAYOUT, Rows, row_type
from needs.domain.weights import KindWeights, Recency
from needs.domain.words import Words
from needs.handlers import CLICKS, PRODUCTS, Handlers
from needs.texts import TextReader
from needs.usecases import Answer, Changes, Learn, LearnProducts, Memory, Page, Span, Wanted
from recommender.usecases.ports import Behavior, NeedView
from recommender.usecases.relations import Person as Asker

_NONE = timedelta()


class Rowed:
    """A NeedStore of one partition in memory. Nobody else writes, so what is decided is written."""

    def __init__(self, dim: int) -> None:
        self._dtype = row_type(dim)
        self._rows: dict[Person, Rows] = {}
        self._words: dict[Person, Words] = {}
        self._applied: dict[str, int] = {}

    async def update(self, span: Span, wanted: Wanted, decide: Callable[[Page], Changes]) -> set[Person]:
        rows = np.concatenate([self._row(person) for person in wanted.people]) if wanted.rows and wanted.people else (
            np.zeros(0, self._dtype))  # fmt: skip
        words = {person: self._words.get(person, Words()) for person in wanted.words_of}
        changes = decide(Page(self._applied.get(span.topic, 0), rows, words, {}))
        if changes.rows is not None:
            people, changed = changes.rows
            self._rows |= {person: changed[i : i + 1].copy() for i, person in enumerate(people)}
        self._words |= changes.words
        self._applied[span.topic] = span.next_offset
        return changes.people

    async def read(self, partition: int, person: Person) -> Memory:
        del partition
        return Memory(self._row(person)[0], self._words.get(person, Words()), None)

    async def stamp(self, partition: int, person: Person) -> bytes:
        del partition
        return bytes(self._row(person)["version"])

    async def forget(self, partition: int, person: Person, at: int) -> Mapping[str, int]:
        del partition, at
        return {"need": int(self._rows.pop(person, None) is not None)}

    def _row(self, person: Person) -> Rows:
        row = self._rows.get(person)
        if row is None:
            row = np.zeros(1, self._dtype)
            row["layout"] = LAYOUT
        return row


class _Kept:
    async def save(self, products: Sequence[Product]) -> None:
        """The table is all there is."""


class NeedsInProcess:
    """Records of the log in, needs out; the `Needs` port of the recommender."""

    def __init__(self, encoder: Encoder) -> None:
        table, store, recency = ProductTable(encoder.dim), Rowed(encoder.dim), Recency()
        learn = Learn(store, table, recency, lambda _: None)
        here = Arrivals(table, _all_is_here, time.monotonic, wait=_NONE, missed_for=_NONE)
        self._handlers = Handlers(
            learn=learn,
            learn_products=LearnProducts(table, _Kept()),
            products=table,
            arrivals=here,
            weights=KindWeights(),
            language=detect,
            now=lambda: round(time.time() * 1000),
            partitions=1,
            space=encoder.space,
        )
        self._answer = Answer(store, TextReader(encoder, lexical.words), table, recency, 1)
        self._space = encoder.space
        self._routes = {route.topic: route for route in (*self._handlers.of_people(), *self._handlers.of_products())}

    async def clicks(self, records: Sequence[Record]) -> None:
        """Of `attune.clickstream.v1`."""
        await feed(self._routes[CLICKS], records)

    async def vectors(self, records: Sequence[Record]) -> None:
        """Of `attune.product-vectors.v1`."""
        await feed(self._routes[PRODUCTS], records)

    async def need(self, person: Asker, at_least: Sequence[Position], *, article: bool) -> NeedView:
        """As `recommender.clients` reads it off the wire."""
        del at_least
        found = await self._answer.need(Person(*person), Mode.ARTICLE if article else Mode.WEIGHTED)
        return NeedView(
            found.known,
            found.vector,
            self._space,
            [Behavior(b.product_id, b.text, b.weight) for b in found.spectrum],
            {word: float(np.float32(weight)) for word, weight in found.words},
            found.language,
            stale=False,
            by=["needs"],
        )


async def _all_is_here() -> bool:
    return True
