"""Small shops with an index of their products, written as the service writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recommender.domain.allowed import Allowed
from recommender.domain.bag import Bag
from recommender.domain.product import Key, Position, Product
from recommender.domain.shop import Entry, Shop
from recommender.usecases.ports import Found
from recommender.usecases.world import World

DIM, SPACE = 4, "test@1"
ALL = Allowed(out_of_stock=True)


def entry(
    product_id: str, axis: int, words: dict[int, float], offset: int = 0, tenant: str = "shop", **more: Any
) -> Entry:
    product = Product(Key(tenant, product_id), {"en": product_id}, **more)
    bag = Bag(np.array(sorted(words), dtype=np.uint32), np.array([words[w] for w in sorted(words)], dtype=np.float32))
    return Entry(product, np.eye(DIM, dtype=np.float32)[axis], bag, Position("log", 0, offset))


class Searched:
    """An index with the shops it is of, written as the service writes them: the index first."""

    def __init__(self, index: Any) -> None:
        self.index, self.world = index, World(DIM)

    async def upsert(self, entries: Sequence[Entry]) -> None:
        for each in entries:
            shop = self.world.shop(each.product.key.tenant)
            if each.product.key.product_id not in shop.places:
                shop.settle(len(shop.ids), each.product.key.product_id)
        await self.index.upsert(entries)
        self.world.put(entries)

    async def delete(self, *keys: Key) -> None:
        await self.index.delete(keys)
        known = [key for key in keys if key.product_id in self.shop.places]
        last = {key: self.shop.facts.position(self.shop.places[key.product_id]) for key in known}
        self.world.remove({key: at._replace(offset=at.offset + 1) for key, at in last.items() if at is not None})

    @property
    def shop(self) -> Shop:
        return self.world.shop("shop")

    async def nearest(self, vector: np.ndarray, k: int, allowed: Allowed = ALL) -> list[tuple[str, float]]:
        return self._named(await self.index.nearest(self.shop, vector, k, allowed))

    async def by_words(self, words: dict[int, float], k: int, allowed: Allowed = ALL) -> list[tuple[str, float]]:
        return self._named(await self.index.by_words(self.shop, self.shop.words.sought(words), k, allowed))

    async def found(self, axis: int, allowed: Allowed = ALL, limit: int = 10) -> list[str]:
        return [name for name, _ in await self.nearest(np.eye(DIM, dtype=np.float32)[axis], limit, allowed)]

    def _named(self, found: Found) -> list[tuple[str, float]]:
        return [
            (self.shop.ids[place], score)
            for place, score in zip(found.places.tolist(), found.scores.tolist(), strict=True)
        ]
