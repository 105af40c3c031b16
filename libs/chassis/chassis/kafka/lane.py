"""One partition at work: slices in order, one at a time, and back where the sink lost something."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence

from aiokafka import ConsumerRecord

from chassis.kafka.progress import Progress
from chassis.kafka.records import Record, Rewound, Source
from chassis.kafka.worker import Worker
from chassis.telemetry import log

_turns = itertools.count(1)
_NO_HEADERS: dict[str, str] = {}


class Lane:
    """Invariants: records are applied in offset order; after a rewind, records fetched before it are void."""

    def __init__(self, source: Source, worker: Worker, progress: Progress, seek: Callable[[int], None]) -> None:
        self.source = source
        self.taken = 0  # the offset that comes next from Kafka
        self.applied = 0  # what lies before it is in the sinks
        self.done = 0  # what lies before it has its dead letters too: this may be committed
        self.turn: int | None = next(_turns)  # another one after every rewind, and of every lane; None: stopped
        self.busy_since: float | None = None  # by the monotonic clock
        self._worker, self._progress, self._seek = worker, progress, seek
        self._last: asyncio.Task[None] | None = None

    def place(self, applied: int, start: int) -> None:
        """What lies before `applied` is in the sinks; `start` comes next, earlier where letters may be missing."""
        self.applied, self.taken, self.done = applied, start, start

    def take(self, raw: Sequence[ConsumerRecord], turn: int) -> asyncio.Task[None]:
        """Work on these after those that were taken before."""
        before, self.taken = self.taken, raw[-1].offset + 1
        self._last = asyncio.create_task(self._apply([record_of(r) for r in raw], turn, before, self._last))
        return self._last

    @property
    def idle(self) -> bool:
        """Whether all that was taken is done."""
        return self._last is None or self._last.done()

    async def stop(self) -> None:
        """Leave the work that is under way; what was not finished comes again at the next owner.

        Nothing is taken from here on: the client goes on after the slice that is left, and what it still brings would
        move the sinks' offsets past that slice.
        """
        self.turn = None
        if self._last is not None:
            self._last.cancel()
            await asyncio.wait([self._last])

    async def _apply(self, records: list[Record], turn: int, before: int, previous: asyncio.Task[None] | None) -> None:
        if previous is not None and not previous.done():
            await _ended(previous)
        if turn != self.turn:
            return
        if self.done != before:  # the slice before this one ended without being applied
            self.go_back(self.done)
            return
        try:
            for part in self._worker.slices(records):
                if turn != self.turn:
                    return
                self.busy_since = time.monotonic()
                await self._worker.apply_surely(self.source, part, self.applied)
                self.done = part[-1].offset + 1
                self.applied = max(self.applied, self.done)
                await asyncio.sleep(0)  # now it is the others' turn
        except Rewound as back:
            self.go_back(back.next_offset)
        finally:
            self.busy_since = None

    def go_back(self, stored: int) -> None:
        """The sink holds only what lies before `stored`: read the rest again. A lane that was stopped stays so."""
        if self.turn is None:
            return
        log.warning("reading again what the store lost", topic=self.source.topic, partition=self.source.partition,
                    applied=self.applied, stored=stored)  # fmt: skip
        self.turn = next(_turns)
        self.taken = self.applied = self.done = stored
        self._progress.rewound(self.source, stored)
        self._seek(stored)


async def _ended(task: asyncio.Task[None]) -> None:
    """Wait for a task, and end it when this one is cancelled: its partition is taken away."""
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait([task])
        raise


def record_of(raw: ConsumerRecord) -> Record:
    """A record as handlers see it. Keys and headers that are no UTF-8 become ones that nothing expects."""
    headers = _NO_HEADERS
    if raw.headers:
        headers = {name: value.decode("utf-8", "replace") for name, value in raw.headers if value is not None}
    key = None if raw.key is None else raw.key.decode("utf-8", "replace")
    return Record(raw.offset, key, raw.value, headers, raw.timestamp)
