"""From where the log is read on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

from chassis.kafka import Source
from chassis.telemetry import log
from qa.handlers import QUERIES, Positions
from qa.usecases import Keep, Learn
from qa.usecases.ports import MemoryAway

Resume = Callable[[Collection[Source]], Awaitable[Mapping[Source, int]]]
_PAUSE = 0.5  # seconds between two tries to ask a Redis that is away


def resume_memory(learn: Learn) -> Resume:
    """A replica goes on after what it remembers, and reads everything else."""

    async def applied(sources: Collection[Source]) -> Mapping[Source, int]:
        return {source: learn.applied(source.log, source.topic, source.partition) or 0 for source in sources}

    return applied


def resume_index(keep: Keep) -> Resume:
    """Keeping goes on where the index stands, whatever Kafka has of it."""

    async def applied(sources: Collection[Source]) -> Mapping[Source, int]:
        return {source: await keep.applied(source.log, source.topic, source.partition) or 0 for source in sources}

    return applied


def resume_people(positions: Positions) -> Resume:
    """Questions and wishes go on where Redis stands: Kafka may be ahead of one that was restored or lost its last
    writes. Where Redis knows nothing all wishes count again, and questions go on where Kafka says: whoever asked them
    was answered, or waits no longer.
    """

    async def stands(sources: Collection[Source]) -> Mapping[Source, int]:
        found: dict[Source, int] = {}
        for source in sources:
            held = await _when_there(positions, source)
            if held is not None or source.topic != QUERIES:
                found[source] = held or 0
        return found

    return stands


async def _when_there(positions: Positions, source: Source) -> int | None:
    while True:
        try:
            return await positions.stands(source.log, source.topic, source.partition)
        except MemoryAway as away:
            log.warning("waiting for Redis", reason=str(away))
            await asyncio.sleep(_PAUSE)
