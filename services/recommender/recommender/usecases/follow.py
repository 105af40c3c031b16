"""What other replicas wrote, taken over into this process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from chassis.telemetry import log
from recommender.domain.product import Product
from recommender.domain.shop import Entry
from recommender.usecases.ports import Models, ProductIndex
from recommender.usecases.relations import Behind, Change, Relations, StoredProduct
from recommender.usecases.world import World

_LOOK = 0.5  # seconds between two looks when nobody asks; who asks for a position looks at once


class Follow:
    """Brings the world up to the end of the journal. One process alone has nobody to follow."""

    def __init__(
        self,
        world: World,
        relations: Relations,
        models: Models,
        parse: Callable[[bytes], Product],
        restore: Callable[[World], Awaitable[int]],
        own_index: ProductIndex | None = None,
    ) -> None:
        """`restore` fills a new world from the stores; `own_index` is one that the others do not write to."""
        self._world, self._relations, self._models = world, relations, models
        self._parse, self._restore, self._own_index = parse, restore, own_index
        self._reading = asyncio.Lock()
        self._begun, self._ended = 0, 0  # rounds: the last that began, the last that read to the end

    async def __call__(self) -> None:
        """Return when all is here that was in the journal when this was called. Raises what the store raises."""
        if not self._relations.shared:
            return
        before = self._begun
        async with self._reading:
            if self._ended > before:
                return  # a round that began after this call has read what this one would
            self._begun += 1
            await self._to_the_end()
            self._ended = self._begun

    async def regularly(self) -> None:
        """For ever."""
        while self._relations.shared:
            await asyncio.sleep(_LOOK)
            try:
                await self()
            except Exception as error:  # noqa: BLE001 - the store is away: what is here is served until it is back
                log.warning("cannot follow the other replicas", error=type(error).__name__)

    async def _to_the_end(self) -> None:
        try:
            while changes := await self._relations.since(self._world.number, self._world.ahead):
                for change in changes:
                    await self._take(change)
        except Behind:
            log.warning("too far behind the other replicas: everything is read again", number=self._world.number)
            fresh = World(self._world.dim, self._world.shelf, self._world.policies)
            await self._restore(fresh)
            self._world.become(fresh)
            if self._own_index is not None:
                await self._own_index.serve(self._world.look, list(self._world.shops))

    async def _take(self, change: Change) -> None:
        entries = await self._entries([row for row in change.products if row.record is not None])
        gone = {row.key: row.position for row in change.products if row.record is None and row.position is not None}
        self._world.settle(change.places)
        # Products first, which know their position: where one is refused, as on a full disk, the change comes again.
        if self._own_index is not None:
            new = self._world.is_new
            await self._own_index.upsert([entry for entry in entries if new(entry.product.key, entry.position)])
            await self._own_index.delete([key for key, position in gone.items() if new(key, position)])
        self._world.put(entries)
        self._world.remove(gone)
        if self._world.comes(change.number):  # nothing waits until it is taken: once, here or where it was made
            self._world.learn(change.met, change.trend)

    async def _entries(self, rows: Sequence[StoredProduct]) -> list[Entry]:
        if not rows:
            return []
        products = [self._parse(row.record or b"") for row in rows]
        return [
            Entry(product, np.frombuffer(row.vector, dtype="<f4"), words, row.position)
            for product, words, row in zip(products, await self._models.bags(products), rows, strict=True)
            if row.position is not None
        ]
