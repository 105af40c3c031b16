"""Seconds from SIGKILL to serving again, and events that come a second time, for each service and each engine.

    python benchmarks/recovery.py [--times 3] [--per-second 200] [--edition servers|embedded] [--no-keep]

Events flow all the time. `serves` is when a caller is answered again: of a service its health; of Redis a read through
it; of Kafka and Neo4j, without which reads go on, an event that Kafka acknowledged after the kill is in the answer.
`reads its writes` is when an event acknowledged just before the kill can be read, by `at_least`. A killed process is
started again at once, as an orchestrator does. Prints a table and keeps it beside this script, in recovery.txt or
recovery_embedded.txt.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import kept

from attune.types.v1.types_pb2 import Watermark

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "support"))  # the fault tests have the same parts
from faults.platform import SERVICES, Platform
from faults.traffic import CLICKS
from faults.waiting import until
from soak import started

_ASKED = {"redis": "needs", "kafka": "needs", "neo4j": "recommender"}  # who cannot answer without that engine
_BETWEEN = 1.0  # seconds of quiet flow between two kills
_HEAD = (
    f"{'SIGKILL of':14}{'times':>7}{'serves s':>10}{'longest':>9}{'reads its writes s':>20}{'longest':>9}{'again':>8}"
)


def main() -> None:
    told = arguments()
    with tempfile.TemporaryDirectory(prefix="attune-recovery-") as folder:
        engines = started(told.edition, Path(folder))
        platform = Platform(engines, Path(folder), "recovery")
        try:
            lines = []
            for each in measure(platform, told):
                print(each, flush=True)
                lines.append(each)
        finally:
            platform.close()
            engines.stop()
    if not told.no_keep:
        kept.keep(__file__, lines, told.edition)


def measure(platform: Platform, told: argparse.Namespace) -> Iterator[str]:
    """The table."""
    for service in platform.services.values():
        service.arguments = ("--trace", str(platform.folder / f"{service.name}.trace"))
    platform.start()
    yield f"{told.per_second:g} events/s on {platform.engines.edition} engines; medians, and the longest"
    yield _HEAD
    with flowing(platform, told.per_second):
        for victim in victims(platform):
            found = [strike(platform, victim) for _ in range(told.times)]
            again = redelivered(platform, [victim] if victim in SERVICES else SERVICES)
            yield line(victim, [serves for serves, _ in found], [reads for _, reads in found], again)


def victims(platform: Platform) -> list[str]:
    """Every service, and the engines of this edition that can be killed alone."""
    return [*SERVICES, *(["redis", "kafka", "neo4j"] if platform.engines.edition == "servers" else ["redis"])]


def strike(platform: Platform, victim: str) -> tuple[float, float]:
    """Kill and start again: seconds until it serves, and until what was written before the kill can be read."""
    time.sleep(_BETWEEN)
    marks = platform.sender.marks()
    asked = victim if victim in SERVICES else _ASKED[victim]
    killed = time.monotonic()
    if victim in SERVICES:
        platform.services[victim].kill()
        platform.services[victim].start()
    else:
        platform.engines.kill(victim)
        new = [] if victim == "redis" else [Event(platform)]
        platform.engines.start_again(victim)
        platform.wait_for(asked, [event.acknowledged() for event in new])
    serves = time.monotonic() - killed
    platform.wait_for(asked, marks)
    return serves, time.monotonic() - killed


class Event:
    """One that is sent now."""

    def __init__(self, platform: Platform) -> None:
        self._sender, self._value = platform.sender, platform.shoppers.event()
        self._from = len(platform.sender.written)
        platform.sender.send(CLICKS, self._value["user_id"], self._value)

    def acknowledged(self) -> Watermark:
        """Where it is in the log, as soon as Kafka says so."""
        return until(self._found, "an event to be acknowledged", 120)

    def _found(self) -> Watermark | None:
        for record in self._sender.written[self._from :]:
            if record.value is self._value:
                return Watermark(topic=record.topic, partition=record.partition, offset=record.offset)
        return None


def redelivered(platform: Platform, services: Sequence[str]) -> int:
    """Records that were taken for work more than once since the last look."""
    again = 0
    for name in services:
        file = platform.folder / f"{name}.trace"
        seen: dict[tuple[str, str], int] = {}
        for entry in file.read_text().splitlines():
            topic, partition, first, last, _ = entry.split()
            known = seen.get((topic, partition), -1)
            if topic != "attune.product-vectors.v1":  # read from the beginning at each start, on purpose
                again += max(0, min(known, int(last)) - int(first) + 1)
            seen[topic, partition] = max(known, int(last))
        file.write_text("".join(f"{topic} {partition} {last} {last} 1\n" for (topic, partition), last in seen.items()))
    return again


def line(victim: str, serves: Sequence[float], reads: Sequence[float], again: int) -> str:
    return (
        f"{victim:14}{len(serves):>7}{statistics.median(serves):>10.2f}{max(serves):>9.2f}"
        f"{statistics.median(reads):>20.2f}{max(reads):>9.2f}{again:>8,}"
    )


@contextmanager
def flowing(platform: Platform, per_second: float) -> Iterator[None]:
    """Events, evenly, in a thread."""
    stop = threading.Event()

    def flow() -> None:
        begun, number = time.monotonic(), 0
        while not stop.is_set():
            platform.act(number)
            number += 1
            time.sleep(max(0.0, number / per_second - (time.monotonic() - begun)))

    thread = threading.Thread(target=flow)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def arguments() -> Any:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--per-second", type=float, default=200)
    parser.add_argument("--edition", choices=["servers", "embedded"], default="servers")
    kept.options(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
