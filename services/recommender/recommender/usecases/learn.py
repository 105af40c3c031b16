"""From events to what is remembered. Every write is guarded by the log's offsets: a repeat changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from recommender.domain.history import History, Meeting
from recommender.domain.product import Key, Position, Product
from recommender.domain.shop import Entry
from recommender.domain.trend import share
from recommender.usecases.ports import (
    Learnt,
    Models,
    Person,
    ProductIndex,
    Publisher,
    Relations,
    Span,
    StoredProduct,
)
from recommender.usecases.world import World

_AT_ONCE = 100  # products: the embedded index stops everything else while it writes
_BEHAVIORS_AT_ONCE = 500  # about 10 ms, after which requests have their turn


class ProductChange(NamedTuple):
    """A catalogue record."""

    offset: int
    key: Key
    product: Product | None  # None: gone


class Behavior(NamedTuple):
    """A clickstream record about a product."""

    offset: int
    person: Person
    product_id: str
    done: int
    at: int  # milliseconds since 1970
    weight: float  # what it adds to the product's trend


class LearnCatalog:
    """Products come, change and go.

    Order of the writes: index, publication, then the record with its offset. After a crash in between, the record comes
    again and writes the same once more; if the log is gone by then, the start mends the index from the records.
    """

    def __init__(
        self, world: World, relations: Relations, index: ProductIndex, models: Models, publisher: Publisher
    ) -> None:
        self._world, self._relations, self._index = world, relations, index
        self._models, self._publisher = models, publisher

    async def __call__(self, span: Span, changes: Sequence[ProductChange]) -> None:
        """Take the changes that were not applied yet, the last one of each product."""
        last = {change.key: change for change in changes}
        new = [change for change in last.values() if self._world.is_new(change.key, _position(span, change.offset))]
        new.sort(key=lambda change: change.offset)
        for start in range(0, len(new), _AT_ONCE):
            await self._apply(span, new[start : start + _AT_ONCE])
        await self._relations.write(span, Learnt(products=self._places_only()))
        self._world.unsaved.clear()

    def find(self, product_id: str) -> Key:
        """The shop of a product that is gone: its record names none. The default one, or the only one that has it."""
        default = Key.of("", product_id)
        having = [shop.tenant for shop in self._world.shops.values() if shop.product(product_id) is not None]
        return default if default.tenant in having or len(having) != 1 else Key(having[0], product_id)

    async def _apply(self, span: Span, changes: Sequence[ProductChange]) -> None:
        products = [change.product for change in changes if change.product is not None]
        read = dict(zip((p.key for p in products), await self._models.products(products), strict=True))
        entries = [
            Entry(change.product, *read[change.key], _position(span, change.offset))
            for change in changes
            if change.product is not None
        ]
        gone = [change.key for change in changes if change.product is None]
        await self._index.upsert(entries)
        await self._index.delete(gone)
        async with self._world.publishing:
            await self._publisher.publish(entries, gone)
            await self._save(span, changes)
            self._take(entries, gone)

    async def _save(self, span: Span, changes: Sequence[ProductChange]) -> None:
        rows = [
            StoredProduct(
                change.key,
                self._world.place(change.key),
                _position(span, change.offset),
                None if change.product is None else change.product.record,
            )
            for change in changes
        ]
        # The offset stays where it is: a change of a later part may stand before one of this part.
        await self._relations.write(None, Learnt(products=[*rows, *self._places_only(without={r.key for r in rows})]))
        self._world.unsaved.clear()
        self._world.positions |= {change.key: _position(span, change.offset) for change in changes}

    def _take(self, entries: Sequence[Entry], gone: Sequence[Key]) -> None:
        for entry in entries:
            for link in entry.product.links:
                self._world.place(Key(entry.product.key.tenant, link.product_id))
            self._world.shop(entry.product.key.tenant).put(entry)
        for key in gone:
            self._world.shop(key.tenant).remove(key.product_id)

    def _places_only(self, without: set[Key] | None = None) -> list[StoredProduct]:
        keys = self._world.unsaved - (without or set())
        return [StoredProduct(key, self._world.place(key), None, None) for key in sorted(keys)]


class LearnBehavior:
    """What people do with products."""

    def __init__(self, world: World, relations: Relations) -> None:
        self._world, self._relations = world, relations

    async def __call__(self, span: Span, behaviors: Sequence[Behavior]) -> None:
        """Take the behaviours that were not applied yet, in the order of the log."""
        for start in range(0, len(behaviors), _BEHAVIORS_AT_ONCE):
            part = behaviors[start : start + _BEHAVIORS_AT_ONCE]
            await self._apply(replace(span, next_offset=part[-1].offset + 1), part)
            await asyncio.sleep(0)
        await self._relations.write(span, Learnt())

    async def _apply(self, span: Span, behaviors: Sequence[Behavior]) -> None:
        page = await self._relations.read(span, list({behavior.person for behavior in behaviors}))
        touched: dict[Person, History] = {}
        meetings: dict[str, list[Meeting]] = {}
        trend: dict[tuple[str, int], float] = {}
        for offset, person, product_id, done, at, weight in behaviors:
            if offset < page.applied or at <= page.forgotten.get(person, 0):
                continue
            place = self._world.place(Key(person.tenant, product_id))
            history = touched[person] = page.histories[person]
            meetings.setdefault(person.tenant, []).append(history.add(place, done, at))
            if weight:
                key = person.tenant, place
                trend[key] = trend.get(key, 0.0) + share(at, weight)
        places = [StoredProduct(key, self._world.place(key), None, None) for key in sorted(self._world.unsaved)]
        await self._relations.write(span, Learnt(products=places, histories=touched, trend=trend))
        self._world.unsaved.clear()
        for tenant, met in meetings.items():
            self._world.shop(tenant).graph.learn(met)
        for (tenant, place), count in trend.items():
            self._world.shop(tenant).trend.add([(place, count)])


class Forget:
    """Removes a person: the history, and what it added to the graph. Trends hold no one in particular."""

    def __init__(self, world: World, relations: Relations) -> None:
        self._world, self._relations = world, relations

    async def __call__(self, person: Person, at: int) -> int:
        """How many records were removed; events from before `at` (milliseconds since 1970) do not bring them back."""
        return await self._forget(None, {person: at})

    async def requests(self, span: Span, requests: Sequence[tuple[int, Person, int]]) -> None:
        """Whom to forget: (offset, person, when it was asked for)."""
        page = await self._relations.read(span, [])
        wanted: dict[Person, int] = {}
        for offset, person, at in requests:
            if offset >= page.applied:
                wanted[person] = max(at, wanted.get(person, 0))
        await self._forget(span, wanted)

    async def _forget(self, span: Span | None, wanted: Mapping[Person, int]) -> int:
        histories = {person: await self._relations.history(person) for person in wanted}
        removed = await self._relations.write(span, Learnt(forget=wanted))
        for person, history in histories.items():
            self._world.shop(person.tenant).graph.learn(history.meetings(), sign=-1.0)
        return sum(removed.values())


def _position(span: Span, offset: int) -> Position:
    return Position(span.log, span.partition, offset)
