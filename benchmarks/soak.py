"""Minutes of events under random SIGKILLs of services and engines; then every store against the log, recomputed.

    python benchmarks/soak.py [--minutes 10] [--per-second 300] [--engines servers|embedded] [--seed 1]

Prints a table and keeps it in soak.txt beside this script; ends with 1 when a store differs from the log.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "support"))  # the fault tests have the same parts
from faults.embedded import EmbeddedEngines
from faults.needs_oracle import Difference
from faults.platform import SERVICES, Platform

_PAUSE = (4.0, 12.0)  # seconds between two kills
_AWAY = (0.0, 2.0)  # seconds a killed one stays away
_ALIKE = 1e-5
_HEAD = f"{'':14}{'compared':>10}{'lost':>8}{'doubled':>9}{'otherwise':>11}{'vectors within':>16}{'caught up s':>13}"


def main() -> None:
    told = arguments()
    chance = random.Random(told.seed)
    with tempfile.TemporaryDirectory(prefix="attune-soak-") as folder:
        engines = started(told.engines, Path(folder))
        try:
            lines, well = soak(engines, Path(folder), told, chance)
        finally:
            engines.stop()
    print(*lines, sep="\n")
    Path(__file__).with_suffix(".txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    raise SystemExit(0 if well else 1)


def soak(engines: Any, folder: Path, told: argparse.Namespace, chance: random.Random) -> tuple[list[str], bool]:
    """The table, and whether all is equal."""
    platform = Platform(engines, folder, "soak")
    try:
        platform.start()
        ends = time.monotonic() + told.minutes * 60
        kills: Counter[str] = Counter()
        sent: list[int] = []
        sender = threading.Thread(target=lambda: sent.append(send(platform, ends, told.per_second)))
        sender.start()
        kill_at_random(platform, ends, chance, kills)  # in this thread: processes end with the thread that started them
        sender.join()
        revive(platform)
        waited = platform.caught_up()
        found = platform.verdict()
    finally:
        platform.close()
    lines = [
        f"{told.minutes:g} minutes at {told.per_second:g} events/s on {engines.edition} engines",
        f"{sum(sent):,} events sent, {len(platform.sender.written):,} records acknowledged",
        "SIGKILL: " + ", ".join(f"{name} {count}" for name, count in sorted(kills.items())),
        "",
        _HEAD,
        *(line(name, found[name], waited[name]) for name in SERVICES),
    ]
    for name, each in found.items():
        lines += [f"{name}: {told_of}" for told_of in each.told[:5]]
    well = all(not (d.lost or d.doubled or d.told) and d.vector <= _ALIKE for d in found.values())
    return [*lines, "", "all equal to the log" if well else "NOT EQUAL to the log"], well


def line(name: str, found: Difference, waited: float) -> str:
    within = f"{found.vector:.1e}" if name == "needs" else ""
    return (
        f"{name:14}{found.acknowledged:>10,}{found.lost:>8}{found.doubled:>9}{len(found.told):>11}"
        f"{within:>16}{waited:>13.2f}"
    )


def send(platform: Platform, ends: float, per_second: float) -> int:
    """Evenly until the end; how many."""
    begun, number = time.monotonic(), 0
    while time.monotonic() < ends:
        platform.act(number)
        number += 1
        time.sleep(max(0.0, number / per_second - (time.monotonic() - begun)))
    return number


def kill_at_random(platform: Platform, ends: float, chance: random.Random, kills: Counter[str]) -> None:
    """One after the other, each started again before the next one is killed."""
    engines = ["redis", "kafka"] if platform.engines.edition == "servers" else ["redis"]
    while True:
        revive(platform)
        pause = chance.uniform(*_PAUSE)
        if time.monotonic() + pause > ends:
            return
        time.sleep(pause)
        victim = chance.choice([*SERVICES, *engines])
        kills[victim] += 1
        if victim in engines:
            platform.engines.kill(victim)
            time.sleep(chance.uniform(*_AWAY))
            platform.engines.start_again(victim)
        else:
            platform.services[victim].kill()
            time.sleep(chance.uniform(*_AWAY))
            platform.services[victim].start(ready=False)


def revive(platform: Platform) -> None:
    """What an orchestrator does with a process that has ended, such as one that started while Kafka was away."""
    for service in platform.services.values():
        if service.process is not None and service.process.poll() is not None:
            service.start(ready=False)


def started(edition: str, folder: Path) -> Any:
    """Engines that answer."""
    if edition == "embedded":
        return EmbeddedEngines(folder / "engines")
    from faults.real import RealEngines  # noqa: PLC0415 - the embedded edition needs no Java

    return RealEngines(folder / "engines")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--per-second", type=float, default=300)
    parser.add_argument("--engines", choices=["servers", "embedded"], default="servers")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
