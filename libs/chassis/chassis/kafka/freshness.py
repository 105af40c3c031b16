"""Read your writes, whichever replica applied them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Protocol

from chassis.kafka.progress import Gap, Position, Progress

_LOOK = 0.03  # seconds; this process tells at once, the store of what others applied is asked that often


class Offsets(Protocol):
    """Knows what of the log is in the store."""

    async def applied(self, log: str, topic: str, partition: int) -> int | None: ...


class Freshness:
    """What this replica did not apply itself another one may have: the store they share knows it."""

    def __init__(self, progress: Progress, offsets: Offsets, shared: Collection[str]) -> None:
        """`shared`: topics of which one replica applies each partition for all."""
        self._progress, self._offsets, self._shared = progress, offsets, shared

    async def reached(self, at_least: Sequence[Position]) -> bool:
        """Wait, within the caller's deadline, until all of these are applied; False: the reply will be stale."""
        if not at_least:
            return True
        own = [position for position in at_least if position.topic not in self._shared]
        shared = [position for position in at_least if position.topic in self._shared]
        return all(await asyncio.gather(self._progress.reached(own), self._reached_by_any(shared)))

    def applied(self, topics: Collection[str]) -> list[Position]:
        """What this replica has applied of these topics."""
        return self._progress.positions(topics)

    @property
    def gaps(self) -> Sequence[Gap]:
        """What is missing because the log did not keep it until it was read."""
        return self._progress.gaps

    async def _reached_by_any(self, at_least: Sequence[Position]) -> bool:
        here = asyncio.create_task(self._progress.reached(at_least))
        try:
            while not here.done():
                await asyncio.wait([here], timeout=_LOOK)
                if not here.done() and await self._in_store(at_least):
                    return True
            return here.result() or await self._in_store(at_least)
        finally:
            here.cancel()

    async def _in_store(self, at_least: Sequence[Position]) -> bool:
        for position in at_least:
            log = position.log or self._progress.life(position.topic)
            if (await self._offsets.applied(log, position.topic, position.partition) or 0) <= position.offset:
                return False
        return True
