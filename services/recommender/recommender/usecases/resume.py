"""Where to go on in the log, and what a log that has begun anew must be told."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from chassis.kafka import Source
from chassis.telemetry import log
from recommender.usecases.ports import Publisher
from recommender.usecases.reach import CATALOG
from recommender.usecases.relations import Follow, Relations, RelationsAway
from recommender.usecases.world import World

_AT_ONCE = 100  # vectors per write: about 100 KB
_PAUSE = 1.0  # seconds


class Resume:
    """Offsets come from the store that holds their effect, per life of the log: a new life starts at 0."""

    def __init__(self, world: World, relations: Relations, publisher: Publisher, follow: Follow) -> None:
        self._world, self._relations, self._publisher, self._follow = world, relations, publisher, follow
        self._log = ""
        self._known = asyncio.Event()

    async def offsets(self, sources: Collection[Source]) -> Mapping[Source, int]:
        """The next offset of each source. What its last owner wrote is here before this process goes on with it."""
        while True:
            try:
                await self._follow()
                found = {s: await self._relations.next_offset(s.log, s.topic, s.partition) for s in sources}
            except RelationsAway as away:
                log.warning("partitions wait for the store of relations", error=str(away))
                await asyncio.sleep(_PAUSE)
            else:
                break
        for source in sources:
            if source.topic == CATALOG:  # who begins it anew begins the vectors made from it anew
                self._log = source.log
                self._known.set()
        return found

    async def held(self, sources: Collection[Source]) -> Mapping[Source, int]:
        """What the store holds now; nothing while it is away."""
        try:
            return {s: await self._relations.next_offset(s.log, s.topic, s.partition) for s in sources}
        except RelationsAway:
            return {}

    async def publish_anew(self) -> None:
        """Once, when the log knows nothing of our products: publish all their vectors."""
        await self._known.wait()
        if await self._relations.life() == self._log:
            return
        keys = list(self._world.keys())
        for start in range(0, len(keys), _AT_ONCE):
            async with self._world.publishing:  # what the catalogue says meanwhile comes before or after, never below
                entries = [self._world.entry(key) for key in keys[start : start + _AT_ONCE]]
                await self._publisher.publish([entry for entry in entries if entry is not None], [])
        await self._relations.begin_life(self._log)
