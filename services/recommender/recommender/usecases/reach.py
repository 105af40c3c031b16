"""Read your writes, also those that another replica applied."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.kafka import Freshness, Position, Progress
from recommender.usecases.relations import Follow, Relations, RelationsAway

CATALOG, CLICKS, ERASURES = "attune.catalog.v1", "attune.clickstream.v1", "attune.erasures.v1"


class Reach:
    """Waits until a position is applied by whichever replica, and its effect is in the world of this one."""

    def __init__(self, progress: Progress, relations: Relations, follow: Follow) -> None:
        self._relations, self._follow = relations, follow
        shared = (CATALOG, CLICKS, ERASURES) if relations.shared else ()
        self._fresh = Freshness(progress, self, shared)

    async def __call__(self, at_least: Sequence[Position]) -> bool:
        """False when the caller's time runs out before, or the store cannot tell."""
        if not at_least:
            return True
        reached = await self._fresh.reached(at_least)
        try:
            await self._follow()
        except RelationsAway:
            return False
        return reached

    async def applied(self, log: str, topic: str, partition: int) -> int | None:
        """What the store has; None: it cannot tell."""
        try:
            return await self._relations.next_offset(log, topic, partition)
        except RelationsAway:
            return None
