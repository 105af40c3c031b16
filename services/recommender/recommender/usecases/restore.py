"""How a world comes back: from the stores, at the start and after too long an absence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from recommender.domain.product import Key, Position, Product
from recommender.domain.shop import Entry
from recommender.usecases.ports import Indexed, Models, ProductIndex
from recommender.usecases.relations import Relations, StoredProduct
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
        world.settle({stored.key: stored.place for stored in found.products})
        products = await self._products(world, found.products)
        for tenant, place, count in found.trends:
            world.shop(tenant).trend.add([(place, count)])
        for person, history in found.histories:
            world.shop(person.tenant).graph.learn(history.meetings())
        return products

    async def _products(self, world: World, stored: Sequence[StoredProduct]) -> int:
        records = [(self._parse(row.record), row.position) for row in stored if row.position is not None and row.record]
        for row in stored:
            if row.position is not None and row.record is None:
                world.shop(row.key.tenant).facts.move(row.place, row.position)
        # Releases before 0.2 gave those that are only linked to their places late.
        linked = {Key(product.key.tenant, link.product_id) for product, _ in records for link in product.links}
        await settle(world, self._relations, linked)
        indexed = {found.key: found for found in await self._index.stored()}
        await self._index.delete(self._superfluous(indexed, stored))
        for start in range(0, len(records), _AT_ONCE):
            world.put(await self._entries(records[start : start + _AT_ONCE], indexed))
        return len(records)

    def _superfluous(self, indexed: Mapping[Key, Indexed], stored: Sequence[StoredProduct]) -> list[Key]:
        """Points without a record: of all that were written before it, where nobody else is about to write it."""
        wanted = {row.key for row in stored if row.record is not None}
        return [] if self._relations.shared else [key for key in indexed if key not in wanted]

    async def _entries(
        self, records: Sequence[tuple[Product, Position]], indexed: Mapping[Key, Indexed]
    ) -> list[Entry]:
        """Vectors come from the index where it is of the same record: an encoder may be slow."""
        late = [(p, at) for p, at in records if (found := indexed.get(p.key)) is None or found.position != str(at)]
        read = await self._models.products([product for product, _ in late])
        mended = [Entry(product, *made, at) for (product, at), made in zip(late, read, strict=True)]
        if mended:
            await self._index.upsert(mended)
        keys = {product.key for product, _ in late}
        rest = [(product, at) for product, at in records if product.key not in keys]
        bags = await self._models.bags([product for product, _ in rest])
        kept = [Entry(p, indexed[p.key].vector, words, at) for (p, at), words in zip(rest, bags, strict=True)]
        return [*mended, *kept]
