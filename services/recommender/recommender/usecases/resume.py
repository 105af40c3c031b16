"""Where to go on in the log, and what a log that has begun anew must be told."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from chassis.kafka import Source
from recommender.usecases.ports import Publisher, Relations
from recommender.usecases.world import World

_AT_ONCE = 100  # vectors per write: about 100 KB


class Resume:
    """Offsets come from the store that holds their effect, per life of the log: a new life starts at 0."""

    def __init__(self, world: World, relations: Relations, publisher: Publisher) -> None:
        self._world, self._relations, self._publisher = world, relations, publisher
        self._log = ""
        self._known = asyncio.Event()

    async def offsets(self, sources: Collection[Source]) -> Mapping[Source, int]:
        """The next offset of each source."""
        found = {s: await self._relations.next_offset(s.log, s.topic, s.partition) for s in sources}
        for source in sources:
            self._log = source.log
            self._known.set()
        return found

    async def publish_anew(self) -> None:
        """Once, when the log knows nothing of our products: publish all their vectors."""
        await self._known.wait()
        if await self._relations.life() == self._log:
            return
        keys = [entry.product.key for entry in self._world.entries()]
        for start in range(0, len(keys), _AT_ONCE):
            async with self._world.publishing:  # what the catalogue says meanwhile comes before or after, never below
                entries = [self._world.entry(key) for key in keys[start : start + _AT_ONCE]]
                await self._publisher.publish([entry for entry in entries if entry is not None], [])
        await self._relations.begin_life(self._log)
