"""From where the log is read on."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Protocol

from chassis.kafka import Source
from chassis.telemetry import log
from content.handlers import CLICKS
from content.usecases.ports import MemoryAway

_PAUSE = 0.5  # seconds between two tries to ask a Redis that is away


class Remembered(Protocol):
    """Knows from where to read on, and how far the log is in the stores."""

    async def sure(self, log: str, topic: str, partition: int) -> int | None: ...

    async def applied(self, log: str, topic: str, partition: int) -> int | None: ...


async def resume(remembered: Remembered, sources: Collection[Source]) -> Mapping[Source, int]:
    """From where each source is read on; waits for as long as Redis is away.

    Redis decides, not Kafka's committed offset, which may be ahead of a Redis that was restored or lost its last
    writes. Templates and erasures begin anew where Redis knows nothing; outcomes then belong to no arm that Redis
    knows, so these stay with what Kafka has.
    """
    found: dict[Source, int] = {}
    for source in sources:
        sure = await _when_there(remembered, source)
        if sure is not None or source.topic != CLICKS:
            found[source] = sure or 0
    return found


async def holds(remembered: Remembered, sources: Collection[Source]) -> Mapping[Source, int]:
    """What the stores hold of each source; nothing while Redis is away."""
    found: dict[Source, int] = {}
    try:
        for source in sources:
            held = await remembered.applied(source.log, source.topic, source.partition)
            if held is not None or source.topic != CLICKS:
                found[source] = held or 0
    except MemoryAway:
        return {}
    return found


async def _when_there(remembered: Remembered, source: Source) -> int | None:
    while True:
        try:
            return await remembered.sure(source.log, source.topic, source.partition)
        except MemoryAway as away:
            log.warning("waiting", reason=str(away))
            await asyncio.sleep(_PAUSE)
