"""Seconds from SIGKILL to serving again, and events that come a second time, for each service and each engine.

    python benchmarks/recovery.py [--times 3] [--per-second 200] [--engines servers|embedded]

Events flow all the time. `serves` is when a caller is answered again (health of the service; a read through the
engine), `reads its writes` when an event acknowledged just before the kill can be read, by `at_least`. A killed process
is started again at once, as an orchestrator does. Prints a table and keeps it in recovery.txt beside this script.
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

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "support"))  # the fault tests have the same parts
from faults.platform import SERVICES, Platform
from soak import started

_BETWEEN = 1.0  # seconds of quiet flow between two kills
_HEAD = (
    f"{'SIGKILL of':14}{'times':>7}{'serves s':>10}{'longest':>9}{'reads its writes s':>20}{'longest':>9}{'again':>8}"
)


def main() -> None:
    told = arguments()
    with tempfile.TemporaryDirectory(prefix="attune-recovery-") as folder:
        engines = started(told.engines, Path(folder))
        platform = Platform(engines, Path(folder), "recovery")
        try:
            lines = list(measure(platform, told))
        finally:
            platform.close()
            engines.stop()
    print(*lines, sep="\n")
    Path(__file__).with_suffix(".txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def measure(platform: Platform, told: argparse.Namespace) -> Iterator[str]:
    """The table."""
    for service in platform.services.values():
        service.arguments = ("--trace", str(platform.folder / f"{service.name}.trace"))
    platform.start()
    yield f"{told.per_second:g} events/s on {platform.engines.edition} engines; medians, and the longest"
    yield _HEAD
    engines = ["redis", "kafka"] if platform.engines.edition == "servers" else ["redis"]
    with flowing(platform, told.per_second):
        for victim in [*SERVICES, *engines]:
            found = [strike(platform, victim) for _ in range(told.times)]
            again = redelivered(platform, SERVICES) if victim in engines else redelivered(platform, [victim])
            yield line(victim, [serves for serves, _ in found], [reads for _, reads in found], again)


def strike(platform: Platform, victim: str) -> tuple[float, float]:
    """Kill and start again: seconds until it serves, and until what was written before the kill can be read."""
    time.sleep(_BETWEEN)
    marks = platform.sender.marks()
    asked = victim if victim in SERVICES else "needs"
    killed = time.monotonic()
    if victim in SERVICES:
        platform.services[victim].kill()
        platform.services[victim].start()
    else:
        platform.engines.kill(victim)
        platform.engines.start_again(victim)
        platform.wait_for(asked, [])
    serves = time.monotonic() - killed
    platform.wait_for(asked, marks)
    return serves, time.monotonic() - killed


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
    parser.add_argument("--engines", choices=["servers", "embedded"], default="servers")
    return parser.parse_args()


if __name__ == "__main__":
    main()
