"""What this process has applied of the log, so that a caller can read its own writes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from chassis.kafka.records import Source
from chassis.rpc.deadline import remaining

_GAPS = 20  # told at most
_SHARE = 0.75  # of the time that is left; the rest is for the answer itself, which may ask others


@dataclass(frozen=True, slots=True)
class Position:
    """A record that was written: everything up to and including `offset`."""

    topic: str
    partition: int
    offset: int
    log: str = ""  # empty: the life of the log that runs now


@dataclass(frozen=True, slots=True)
class Gap:
    """Records that were deleted before they were read."""

    topic: str
    partition: int
    first: int
    after: int  # the first offset that was there again

    def __str__(self) -> str:
        span = f"{self.first} to {self.after - 1}"
        return f"offsets {span} of {self.topic}, partition {self.partition}, were deleted before they were read"


class Progress:
    """Offsets applied by this process.

    Invariants: `_next[topic, partition]` is one after the last applied record of the current life of the log and only
    grows within a life; waiters are woken after it grew, never before the sinks are written.
    """

    def __init__(self) -> None:
        self._next: dict[tuple[str, int], tuple[str, int]] = {}  # → (log, next offset)
        self._topics: set[str] = set()
        self._lives: dict[str, str] = {}
        self._gaps: deque[Gap] = deque(maxlen=_GAPS)
        self._changed = asyncio.Condition()

    def consumes(self, topics: Collection[str]) -> None:
        """Names topics of this process; others count as reached."""
        self._topics.update(topics)

    async def applied(self, source: Source, next_offset: int) -> None:
        """Everything before `next_offset` is in the sinks."""
        before = self._next.get((source.topic, source.partition))
        if before is not None and before[0] == source.log and before[1] >= next_offset:
            return
        self._next[source.topic, source.partition] = (source.log, next_offset)
        async with self._changed:
            self._changed.notify_all()

    def rewound(self, source: Source, next_offset: int) -> None:
        """The sinks lost what lies from `next_offset` on; it is read again."""
        self._next[source.topic, source.partition] = (source.log, next_offset)

    def lives(self, lives: Mapping[str, str]) -> None:
        """Topic → its life, also where this process reads no partition of it."""
        self._lives.update(lives)

    def life(self, topic: str) -> str:
        """The life of a topic that is read now; empty: not known yet."""
        return self._lives.get(topic, "")

    def missed(self, source: Source, first: int, after: int) -> None:
        """The log deleted records before this process could read them: offsets `first` to `after` - 1."""
        self._gaps.append(Gap(source.topic, source.partition, first, after))

    @property
    def gaps(self) -> Sequence[Gap]:
        """What is missing in the sinks because the log did not keep it long enough."""
        return list(self._gaps)

    def positions(self, topics: Collection[str] | None = None) -> list[Position]:
        """The last applied record of each partition; partitions of which nothing was applied are left out."""
        return [
            Position(topic, partition, offset - 1, log)
            for (topic, partition), (log, offset) in sorted(self._next.items())
            if offset > 0 and (topics is None or topic in topics)
        ]

    async def reached(self, at_least: Sequence[Position]) -> bool:
        """Wait, within the caller's deadline, until all of these are applied; False: the reply will be stale."""
        wanted = [position for position in at_least if position.topic in self._topics]
        if all(map(self._has, wanted)):
            return True
        try:
            async with asyncio.timeout(remaining() * _SHARE), self._changed:
                await self._changed.wait_for(lambda: all(map(self._has, wanted)))
        except TimeoutError:
            return False
        return True

    def _has(self, position: Position) -> bool:
        log, offset = self._next.get((position.topic, position.partition), ("", 0))
        return offset > position.offset and position.log in {"", log}
