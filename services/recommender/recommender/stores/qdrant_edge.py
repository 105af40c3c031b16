"""Products in qdrant-edge, the engine of a Qdrant server, for shops too large to look at every product."""

from __future__ import annotations

import asyncio
import math
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from chassis.disk import require_room
from recommender.domain.allowed import Allowed
from recommender.domain.nearest import FEW, best, nearest, share
from recommender.domain.product import Key
from recommender.domain.shop import Entry, Shop
from recommender.domain.sought import Sought
from recommender.domain.vectors import FLAT
from recommender.stores import edge_frames as frames
from recommender.stores.edge_process import IndexGone
from recommender.stores.edge_shop import EdgeShop
from recommender.stores.payload import collection
from recommender.usecases.ports import Found, Indexed, Vector

_MOST = 5.0  # times as many are asked for as wanted, where a filter is looked at afterwards
# More are asked for than wanted, because the engine compares 8 bits a component: with these at least .99 of the 25 to
# 200 nearest are found (`benchmarks/index.py`).
_OVER, _SPARE = 1.2, 10
_LOOKED_AT = 200_000  # products that are all looked at, 30 ms, while an index is not there yet


class EdgeProductIndex:
    """One index per space and shop below `folder`, each in a process of its own; none for small shops.

    The shops in process are the truth: what an index holds was told by them, and is told again where it is not there.
    Whatever writes raises OSError while the disk is full.
    """

    def __init__(self, folder: Path, *, space: str, dim: int, flat: int = FLAT, unsorted: int = 0) -> None:
        """`flat`: products up to which a shop has no index; `unsorted`: writes after which one is built anew."""
        self._folder, self._dim, self._flat, self._unsorted = folder / collection(space), dim, flat, unsorted
        self._look: Callable[[str], Shop] | None = None
        self._shops: dict[str, EdgeShop] = {}

    async def serve(self, look: Callable[[str], Shop], tenants: Sequence[str]) -> None:
        """Bring the indexes up to the shops; from now on they grow with them."""
        self._look = look
        await self.close()
        self._shops.clear()
        self._folder.mkdir(parents=True, exist_ok=True)
        for each in self._folder.iterdir():
            if each.name not in tenants:  # of an earlier release, or of a shop that is gone
                shutil.rmtree(each) if each.is_dir() else each.unlink()
        large = [tenant for tenant in tenants if len(look(tenant).ids) > self._flat]
        await asyncio.gather(*(self._index(tenant).open() for tenant in large))

    async def upsert(self, entries: Sequence[Entry]) -> None:
        by_shop = defaultdict[str, dict[int, Entry]](dict)
        for entry in entries if self._look is not None else ():
            tenant, product_id = entry.product.key
            by_shop[tenant][self._shop(tenant).places[product_id]] = entry
        for tenant, placed in by_shop.items():
            index = self._index(tenant)
            if not index.opened and len(self._shop(tenant).ids) > self._flat:
                await index.open()
            if index.opened:
                require_room(self._folder)
                await index.put(placed)
            else:
                index.note(placed)

    async def delete(self, keys: Sequence[Key]) -> None:
        for tenant, product_id in keys if self._look is not None else ():
            index, place = self._index(tenant), self._shop(tenant).places.get(product_id)
            if place is None:
                continue
            if index.opened:
                require_room(self._folder)
                await index.drop([place])
            else:
                index.note({place: None})

    async def nearest(self, shop: Shop, vector: Vector, k: int, allowed: Allowed) -> Found:
        """Filters that most pass, and those that few pass, are looked at here: that costs less than telling them."""
        index = self._shops.get(shop.tenant)
        if index is None or not index.ready:
            return Found(*nearest(shop, vector, k, allowed)) if len(shop.ids) <= _LOOKED_AT else _NOTHING
        part = share(shop, allowed)
        if part * len(shop.ids) <= min(self._flat, FEW):
            return Found(*nearest(shop, vector, k, allowed))
        wide = part * _MOST >= 1
        asked = math.ceil(_OVER * k / (part if wide else 1)) + _SPARE
        try:
            places = await index.near(vector, asked, None if wide else _narrow(allowed))
        except IndexGone:
            return _NOTHING
        places = places[allowed.fits(shop, places)]
        return Found(*best(places, shop.vectors.cosines(places, vector), k))

    async def by_words(self, shop: Shop, words: Sought, k: int, allowed: Allowed) -> Found:
        """In process: every word's products are listed there."""
        return Found(*shop.words.best(words, k, lambda places: allowed.fits(shop, places)))

    async def stored(self) -> list[Indexed]:
        """Nothing that is not in the store of relations too."""
        return []

    async def built(self) -> None:
        """Return when no index is being built."""
        await asyncio.gather(*(index.built() for index in self._shops.values()))

    async def close(self) -> None:
        await asyncio.gather(*(index.close() for index in self._shops.values()))

    def _shop(self, tenant: str) -> Shop:
        assert self._look is not None  # noqa: S101 - the callers looked
        return self._look(tenant)

    def _index(self, tenant: str) -> EdgeShop:
        """Of a shop, open or not."""
        index = self._shops.get(tenant)
        if index is None:
            index = EdgeShop(self._folder / tenant, self._dim, lambda: self._shop(tenant), self._unsorted)
            self._shops[tenant] = index
        return index


_NOTHING = Found(np.zeros(0, dtype=np.int64), np.zeros(0))


def _narrow(allowed: Allowed) -> frames.Narrow:
    return frames.Narrow(
        in_stock=not allowed.out_of_stock,
        brands=sorted(allowed.brands),
        categories=sorted(allowed.categories),
        currency=allowed.currency,
        least=allowed.least,
        most=allowed.most,
    )
