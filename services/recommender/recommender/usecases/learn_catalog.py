"""From catalogue records to products with vectors and relations. A repeat changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from recommender.domain import bag
from recommender.domain.product import Key, Position, Product
from recommender.domain.shop import Entry
from recommender.domain.vectors import packed
from recommender.usecases.ports import Models, ProductIndex, Publisher
from recommender.usecases.relations import Learnt, Made, Relations, Span, StoredProduct
from recommender.usecases.world import World, settle

# Products that are taken within one turn of the event loop: 5 ms. Those of a store that replicas share wait for it
# anyway, and each transaction costs it more than that.
_ALONE, _SHARED = 50, 100


class ProductChange(NamedTuple):
    """A catalogue record."""

    offset: int
    key: Key
    product: Product | None  # None: gone


class LearnCatalog:
    """Products come, change and go.

    Order of the writes: index, publication, then the record with its offset. After a crash in between, the record comes
    again and writes the same once more; if the log is gone by then, the start mends the index from the records.
    Position guards each product everywhere, so that who lost the partition meanwhile undoes nothing.
    """

    def __init__(
        self, world: World, relations: Relations, index: ProductIndex, models: Models, publisher: Publisher
    ) -> None:
        self._world, self._relations, self._index = world, relations, index
        self._models, self._publisher = models, publisher
        self.at_once = _SHARED if relations.shared else _ALONE  # changes that are taken together

    async def __call__(self, span: Span, changes: Sequence[ProductChange]) -> None:
        """Take the changes that were not applied yet, the last one of each product."""
        last = {change.key: change for change in changes}
        new = [change for change in last.values() if self._world.is_new(change.key, _position(span, change.offset))]
        new.sort(key=lambda change: change.offset)
        for start in range(0, len(new), self.at_once):
            await self._apply(span, new[start : start + self.at_once])
        await self._relations.write(span, Learnt())

    def find(self, product_id: str) -> Key:
        """The shop of a product that is gone: its record names none. The default one, or the only one that has it."""
        default = Key.of("", product_id)
        having = [shop.tenant for shop in self._world.shops.values() if shop.product(product_id) is not None]
        return default if default.tenant in having or len(having) != 1 else Key(having[0], product_id)

    def since(self, key: Key) -> int:
        """Since when a product is on sale, milliseconds since 1970; 0: it is new here, or nobody knows."""
        shop = self._world.look(key.tenant)
        place = shop.places.get(key.product_id)
        return 0 if place is None or not shop.has(place) else int(shop.facts.columns.released[place])

    async def _apply(self, span: Span, changes: Sequence[ProductChange]) -> None:
        products = [change.product for change in changes if change.product is not None]
        read = dict(zip((p.key for p in products), await self._models.products(products), strict=True))
        entries = [
            read[change.key].entry(change.product, _position(span, change.offset))
            for change in changes
            if change.product is not None
        ]
        gone = {change.key: _position(span, change.offset) for change in changes if change.product is None}
        linked = [Key(product.key.tenant, link.product_id) for product in products for link in product.links]
        await settle(self._world, self._relations, [*(change.key for change in changes), *linked])
        await self._index.upsert(entries)
        await self._index.delete(list(gone))
        async with self._world.publishing:
            await self._publisher.publish(entries, list(gone))
            rows = [self._row(entry.product.key, entry.position, entry) for entry in entries]
            rows += [self._row(key, position, None) for key, position in gone.items()]
            # The offset stays where it is: a change of a later part may stand before one of this part.
            written = await self._relations.write(None, Learnt(products=rows, linked=self._linked(entries, gone)))
            if self._world.made(written.number):
                self._world.put(entries)
                self._world.remove(gone)

    def _linked(self, entries: Sequence[Entry], gone: Iterable[Key]) -> dict[str, set[int]]:
        """Places that were linked before or are from now on: a link is seen from both its ends."""
        found: dict[str, set[int]] = {}
        for tenant, product_id in [*(entry.product.key for entry in entries), *gone]:
            shop = self._world.shop(tenant)
            before = shop.graph.stated(shop.places[product_id])
            found.setdefault(tenant, set()).update(other for _, other, _ in before)
        for entry in entries:
            tenant = entry.product.key.tenant
            places = self._world.shop(tenant).places
            found[tenant].update(places[link.product_id] for link in entry.product.links)
        return found

    def _row(self, key: Key, position: Position, entry: Entry | None) -> StoredProduct:
        place = self._world.shop(key.tenant).places[key.product_id]
        if entry is None:
            return StoredProduct(key, place, position, None)
        vector = entry.vector.astype(np.dtype("<f4")).tobytes()
        made = Made(self._models.space, packed(entry.vector), bag.packed(entry.words))
        return StoredProduct(key, place, position, entry.product.record, vector, made)


def _position(span: Span, offset: int) -> Position:
    return Position(span.log, span.partition, offset)
