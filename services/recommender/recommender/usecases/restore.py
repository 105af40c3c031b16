"""How a world comes back: from the stores, at the start and after too long an absence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from recommender.domain import bag
from recommender.domain.product import Key, Position, Product
from recommender.domain.shop import Entry
from recommender.domain.vectors import unpacked
from recommender.usecases.ports import Indexed, Models, ProductIndex, Vector
from recommender.usecases.relations import Made, Relations, StoredProduct
from recommender.usecases.world import World, settle

_AT_ONCE = 100  # points per write: the embedded index stops everything else while it writes


class Restore:
    """Makes the shops again from what the stores hold, and the index again where it lags behind the records."""

    def __init__(
        self, relations: Relations, index: ProductIndex, models: Models, parse: Callable[[bytes], Product]
    ) -> None:
        self._relations, self._index, self._models, self._parse = relations, index, models, parse

    async def __call__(self, world: World) -> int:
        """Fill a new world; how many products there are."""
        found = await self._relations.everything()
        world.number = found.number
        for key, place in found.places:
            world.shop(key.tenant).settle(place, key.product_id)
        products = await self._products(world, found.products)
        for tenant, place, count in found.trends:
            world.shop(tenant).trend.add([(place, count)])
        for person, history in found.histories:
            world.shop(person.tenant).graph.learn(history.meetings())
        return products

    async def _products(self, world: World, stored: Iterable[StoredProduct]) -> int:
        indexed = {found.key: found for found in await self._index.stored()}
        rows, count = iter(stored), 0
        while some := list(islice(rows, _AT_ONCE)):
            count += await self._put(world, some, indexed)
        if not self._relations.shared:  # what was written before its record, where nobody else is about to write that
            await self._index.delete([key for key in indexed if world.entry(key) is None])
        return count

    async def _put(self, world: World, rows: Sequence[StoredProduct], indexed: Mapping[Key, Indexed]) -> int:
        records = [
            _Kept(self._parse(row.record), row.position, row.made)
            for row in rows
            if row.position is not None and row.record
        ]
        for row in rows:
            if row.position is not None and row.record is None:
                world.shop(row.key.tenant).facts.move(row.place, row.position)
        # Releases before 0.2 gave those that are only linked to their places late.
        linked = {Key(kept.product.key.tenant, link.product_id) for kept in records for link in kept.product.links}
        await settle(world, self._relations, linked)
        world.put(await self._entries(records, indexed))
        return len(records)

    async def _entries(self, records: Sequence[_Kept], indexed: Mapping[Key, Indexed]) -> list[Entry]:
        """What the models made comes from the store, or from the index where it is of the same record."""
        entries: list[Entry] = []
        halves: list[tuple[_Kept, Vector]] = []
        late: list[_Kept] = []
        for kept in records:
            found = indexed.get(kept.product.key)
            if kept.made is not None and kept.made.space == self._models.space:
                made = kept.made
                entries.append(Entry(kept.product, unpacked(made.vector), bag.unpacked(made.words), kept.position))
            elif found is not None and found.position == str(kept.position):
                halves.append((kept, found.vector))
            else:
                late.append(kept)
        bags = await self._models.bags([kept.product for kept, _ in halves])
        entries += [Entry(k.product, vector, bag, k.position) for (k, vector), bag in zip(halves, bags, strict=True)]
        read = await self._models.products([kept.product for kept in late])
        mended = [made.entry(kept.product, kept.position) for kept, made in zip(late, read, strict=True)]
        if mended:
            await self._index.upsert(mended)
        return entries + mended


class _Kept(NamedTuple):
    product: Product
    position: Position
    made: Made | None
