"""`python launcher.py NAME …`: what `python -m NAME` does, with faults from inside that no signal can time as exactly.

    --kill before:handle:3 --armed FILE   SIGKILL of this process before it does the step for the third time since
                                          FILE exists; `after:` when the step is done and its caller does not know yet
    --clock FILE                          `time.time` is ahead by the number of seconds that FILE holds at the moment
    --trace FILE                          a line in FILE for every piece of a partition it takes: topic, partition,
                                          first and last offset, records

The service's own code knows nothing of this: methods are wrapped by name, and a name that is gone is an error.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import inspect
import os
import runpy
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# The steps of a batch, in their order. `write`, and `send` in needs, is Redis' own moment: the command that changes the
# state.
STEPS = {
    "take": ("chassis.kafka.worker", "Worker", "apply"),
    "decode": ("chassis.kafka.worker", "Worker", "_decode"),
    "handle": ("chassis.kafka.worker", "Worker", "_handle_until_done"),
    "write": ("redis.asyncio.connection", "AbstractConnection", "send_packed_command"),
    "send": ("needs.stores.wire", "Wire", "send"),
    "relations": ("recommender.stores.sqlite", "SqliteRelations", "write"),
    "index": ("recommender.stores.qdrant_edge", "EdgeProductIndex", "upsert"),
    "bury": ("chassis.kafka.worker", "Worker", "_bury"),
    "dead-letter": ("chassis.kafka.dead_letters", "DeadLetters", "write"),
    "produce": ("chassis.kafka.producer", "Producer", "send"),
    "progress": ("chassis.kafka.progress", "Progress", "applied"),
    "commit": ("aiokafka", "AIOKafkaConsumer", "commit"),
}
_CHANGES = (b"EXEC\r\n", b"EVALSHA\r\n", b"EVAL\r\n")


class Killer:
    """Ends this process at the n-th pass of a step."""

    def __init__(self, when: str, step: str, at: int, armed: Path) -> None:
        self.when, self.step, self._left, self._armed = when, step, at, armed

    def wrap(self) -> None:
        """Put itself around the step."""
        module, owner, name = STEPS[self.step]
        place = getattr(importlib.import_module(module), owner)
        step = getattr(place, name)  # AttributeError: the step has another name now, and this table must follow
        setattr(place, name, self._around_async(step) if inspect.iscoroutinefunction(step) else self._around(step))

    def _around(self, step: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(step)
        def wrapped(*given: Any, **named: Any) -> Any:
            hit = self._counts(given)
            self._strike("before", hit=hit)
            done = step(*given, **named)
            self._strike("after", hit=hit)
            return done

        return wrapped

    def _around_async(self, step: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(step)
        async def wrapped(*given: Any, **named: Any) -> Any:
            hit = self._counts(given)
            self._strike("before", hit=hit)
            done = await step(*given, **named)
            self._strike("after", hit=hit)
            return done

        return wrapped

    def _counts(self, given: tuple[Any, ...]) -> bool:
        """Whether this pass is the one."""
        if not self._armed.exists() or (self.step in {"write", "send"} and not _changes(given[1])):
            return False
        self._left -= 1
        return self._left == 0

    def _strike(self, when: str, *, hit: bool) -> None:
        if hit and when == self.when:
            os.kill(os.getpid(), signal.SIGKILL)


def _changes(packed: Any) -> bool:
    text = packed if isinstance(packed, bytes) else b"".join(packed)
    return any(command in text for command in _CHANGES)


def trace(file: Path) -> None:
    """Write down what is taken for work, before anything is done with it."""
    module, owner, name = STEPS["take"]
    place = getattr(importlib.import_module(module), owner)
    step = getattr(place, name)

    @functools.wraps(step)
    async def wrapped(worker: Any, source: Any, records: Any, *given: Any, **named: Any) -> Any:
        with file.open("a") as lines:
            lines.write(f"{source.topic} {source.partition} {records[0].offset} {records[-1].offset} {len(records)}\n")
        return await step(worker, source, records, *given, **named)

    setattr(place, name, wrapped)


def shift_clock(file: Path) -> None:
    """`time.time` and `time.time_ns` are ahead by the seconds in `file`, looked up ten times a second."""
    real, held = time.time, [0.0, -1.0]  # seconds, when they were read

    def ahead() -> float:
        if time.monotonic() - held[1] > 0.1:
            held[:] = [float(file.read_text() or 0) if file.exists() else 0.0, time.monotonic()]
        return held[0]

    time.time = lambda: real() + ahead()
    time.time_ns = lambda: int((real() + ahead()) * 1e9)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("name")
    parser.add_argument("--embedded", action="store_true")
    parser.add_argument("--parent", type=int)
    parser.add_argument("--kill", default="")
    parser.add_argument("--armed", type=Path, default=Path("/"))
    parser.add_argument("--clock", type=Path)
    parser.add_argument("--trace", type=Path)
    told = parser.parse_args()
    sys.path.pop(0)  # this folder: what lies here must not hide a module of the service
    if told.parent is not None:
        from attune_embedded import parent  # noqa: PLC0415 - after the path is right

        parent.bind(told.parent)
    if told.embedded:
        from attune_embedded import shim  # noqa: PLC0415 - the same

        shim.apply()
    if told.clock is not None:
        shift_clock(told.clock)
    if told.trace is not None:
        trace(told.trace)
    if told.kill:
        when, step, at = told.kill.split(":")
        Killer(when, step, int(at), told.armed).wrap()
    sys.argv = [told.name]
    runpy.run_module(told.name, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
