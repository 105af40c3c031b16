"""The shops in process, and how they come back after a start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from recommender.domain.errors import UnknownProduct
from recommender.domain.product import Key, Position, Product
from recommender.domain.shop import Entry, Shop
from recommender.usecases.ports import Indexed, Models, ProductIndex, Relations

_AT_ONCE = 100  # points per write: the embedded index stops everything else while it writes
_NEVER = Position("", -1, -1)


class World:
    """All shops; a shop is there as soon as it is spoken of."""

    def __init__(self, dim: int) -> None:
        self._dim = dim
        self.shops: dict[str, Shop] = {}
        self.positions: dict[Key, Position] = {}  # of the last record applied, also of products that are gone
        self.unsaved: set[Key] = set()  # ids that have a place here and not yet in the store
        self.publishing = asyncio.Lock()  # held while a product's vector is told and taken over here

    def shop(self, tenant: str) -> Shop:
        """The shop of a tenant, for writing."""
        shop = self.shops.get(tenant)
        if shop is None:
            shop = self.shops[tenant] = Shop(tenant, self._dim)
        return shop

    def look(self, tenant: str) -> Shop:
        """The shop of a tenant, for reading: an unknown one is empty and is not kept."""
        return self.shops.get(tenant) or Shop(tenant, self._dim)

    def place(self, key: Key) -> int:
        """The place of a product, remembered until it is saved if it is new."""
        shop = self.shop(key.tenant)
        if key.product_id not in shop.places:
            self.unsaved.add(key)
        return shop.place(key.product_id)

    def entry(self, key: Key) -> Entry | None:
        """A product with what the models made of it."""
        shop = self.look(key.tenant)
        place = shop.places.get(key.product_id)
        return None if place is None else shop.entries[place]

    def product(self, key: Key) -> Product:
        """Raises UnknownProduct."""
        entry = self.entry(key)
        if entry is None:
            raise UnknownProduct(*key)
        return entry.product

    def is_new(self, key: Key, position: Position) -> bool:
        """Whether a record was not applied yet."""
        return position.follows(self.positions.get(key, _NEVER))

    def entries(self) -> list[Entry]:
        """Every product there is."""
        return [entry for shop in self.shops.values() for entry in shop.entries if entry is not None]


class Restore:
    """Makes the shops again from what the stores hold, and the index again where it lags behind the records."""

    def __init__(
        self, world: World, relations: Relations, index: ProductIndex, models: Models, parse: Callable[[bytes], Product]
    ) -> None:
        self._world, self._relations, self._index, self._models = world, relations, index, models
        self._parse = parse

    async def __call__(self) -> int:
        """How many products there are."""
        products = await self._products()
        for tenant, place, count in await self._relations.trends():
            self._world.shop(tenant).trend.add([(place, count)])
        for person, history in await self._relations.histories():
            self._world.shop(person.tenant).graph.learn(history.meetings())
        return products

    async def _products(self) -> int:
        records: list[tuple[Product, Position]] = []
        for stored in await self._relations.products():
            place = self._world.shop(stored.key.tenant).place(stored.key.product_id)
            assert place == stored.place, f"{stored.key} moved from place {stored.place} to {place}"  # noqa: S101
            if stored.position is not None:
                self._world.positions[stored.key] = stored.position
                if stored.record is not None:
                    records.append((self._parse(stored.record), stored.position))
        indexed = {found.key: found for found in await self._index.stored()}
        wanted = {product.key for product, _ in records}
        await self._index.delete([key for key in indexed if key not in wanted])
        for start in range(0, len(records), _AT_ONCE):
            for entry in await self._entries(records[start : start + _AT_ONCE], indexed):
                self._world.shop(entry.product.key.tenant).put(entry)
        # A link names products that may have no place of their own yet: they get one, saved with the next write.
        for tenant, shop in self._world.shops.items():
            saved = {key.product_id for key in self._world.positions if key.tenant == tenant}
            self._world.unsaved |= {Key(tenant, product_id) for product_id in shop.ids if product_id not in saved}
        return len(records)

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
