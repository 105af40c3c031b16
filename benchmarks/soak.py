"""Minutes of events under random SIGKILLs of services and engines; then every store against the log, recomputed.

    python benchmarks/soak.py [--minutes 10] [--per-second 300] [--edition servers|embedded] [--people 2000] [--seed 1]
                              [--no-keep]

At the end the log is read from its beginning and folded by one thread, one event after the other. Every person,
conversation and text of it is asked for, and must be as recomputed: the same behaviours, the same weights, vectors
within 1e-5. Prints tables and keeps them beside this script, in soak.txt or soak_embedded.txt. Ends with 1 when
anything differs from the log, or when the run was not what it says: events that were not sent, a victim never hit.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kept
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "support"))  # the fault tests have the same parts
from faults.embedded import EmbeddedEngines
from faults.needs_oracle import ALIKE, Difference
from faults.platform import SERVICES, Platform

_PAUSE = (4.0, 12.0)  # seconds between two kills
_AWAY = (0.0, 2.0)  # seconds a killed one stays away
_ENOUGH = 0.95  # of the events that the rate promises: fewer is another test than the one asked for
_HEAD = (
    f"{'':14}{'events':>9}{'lost':>7}{'doubled':>9}{'compared':>10}{'equal':>8}"
    f"{'vectors within':>16}{'caught up s':>13}"
)


@dataclass
class Run:
    """What happened."""

    sent: int = 0
    wanted: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    ended: list[str] = field(default_factory=list)  # services that ended without being killed
    failed: str = ""  # why the events stopped


def main() -> None:
    told = arguments()
    with tempfile.TemporaryDirectory(prefix="attune-soak-") as folder:
        engines = started(told.edition, Path(folder))
        try:
            lines, well = soak(engines, Path(folder), told)
        finally:
            engines.stop()
    print(*lines, sep="\n")
    if not told.no_keep:
        kept.keep(__file__, lines, told.edition)
    raise SystemExit(0 if well else 1)


def soak(engines: Any, folder: Path, told: argparse.Namespace) -> tuple[list[str], bool]:
    """The tables, and whether all is well."""
    platform, run = Platform(engines, folder, "soak", people=told.people), Run()
    run.wanted = int(told.minutes * 60 * told.per_second)
    console = Console(stderr=True)
    try:
        platform.start()
        console.print("everything runs")
        begun = time.monotonic()
        ends = begun + told.minutes * 60
        sender = threading.Thread(target=send, args=(platform, ends, told.per_second, run), daemon=True)
        sender.start()
        with bar(console) as progress:
            shown = progress.add_task("", total=told.minutes * 60)

            def show(victim: str = "") -> None:
                if victim:
                    progress.console.print(f"{time.monotonic() - begun:7.1f} s  SIGKILL {victim}")
                words = f"{run.sent:,} events, {run.kills.total()} kills"
                progress.update(shown, completed=time.monotonic() - begun, description=words)

            # In this thread: processes end with the thread that started them.
            kill_at_random(platform, ends, random.Random(told.seed), run, show)
        sender.join()
        console.print("the fire is over: waiting for all to catch up")
        revive(platform, run)
        waited = platform.caught_up()
        console.print("comparing every store with the log")
        found = platform.verdict()
    finally:
        platform.close()
    wrong = list(complaints(run, found, victims(platform)))
    pace = f"{told.per_second:g} events/s of {told.people:,} people"
    lines = [
        f"{told.minutes:g} minutes at {pace}, {engines.edition} engines",
        f"{run.sent:,} events sent, {len(platform.sender.written):,} records acknowledged",
        "",
        *killed(run, victims(platform)),
        "",
        _HEAD,
        *(line(name, found[name], waited[name]) for name in SERVICES),
        "",
        *(wrong or ["all equal to the log"]),
    ]
    return lines, not wrong


def complaints(run: Run, found: Mapping[str, Difference], victims: list[str]) -> Iterator[str]:
    """Whatever makes the run one that proves nothing, or proves a fault."""
    if run.failed:
        yield f"the events stopped: {run.failed}"
    if run.sent < _ENOUGH * run.wanted:
        yield f"{run.sent:,} events were sent instead of {run.wanted:,}"
    never = [victim for victim in victims if not run.kills[victim]]
    if never:
        yield f"never killed: {', '.join(never)}; run it for longer"
    for name, each in found.items():
        if not each.acknowledged:
            yield f"{name}: nothing was compared"
        if each.lost or each.doubled or each.told or not each.vector <= ALIKE:
            yield f"{name}: NOT EQUAL to the log"
            yield from (f"  {how}" for how in each.told[:5])


def killed(run: Run, victims: list[str]) -> Iterator[str]:
    yield "SIGKILL of    times"
    yield from (f"{victim:14}{run.kills[victim]:>5}" for victim in victims)
    yield f"{'all':14}{run.kills.total():>5}"
    if run.ended:
        yield f"ended by themselves and were started again: {', '.join(run.ended)}"


def line(name: str, found: Difference, waited: float) -> str:
    within = f"{found.vector:.1e}" if name == "needs" else ""
    equal = len(found.compared - found.unlike)
    return (
        f"{name:14}{found.acknowledged:>9,}{found.lost:>7}{found.doubled:>9}{len(found.compared):>10,}{equal:>8,}"
        f"{within:>16}{waited:>13.2f}"
    )


def bar(console: Console) -> Progress:
    """What a person who waits sees; where nobody looks at a terminal, a line for every kill."""
    return Progress(BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn(), console=console)


def send(platform: Platform, ends: float, per_second: float, run: Run) -> None:
    """Evenly until the end."""
    begun = time.monotonic()
    try:
        while time.monotonic() < ends:
            platform.act(run.sent)
            run.sent += 1
            time.sleep(max(0.0, run.sent / per_second - (time.monotonic() - begun)))
    except Exception as error:  # noqa: BLE001 - a thread ends in silence: the run must not pass then
        run.failed = repr(error)


def victims(platform: Platform) -> list[str]:
    return [*SERVICES, *(["redis", "kafka", "neo4j"] if platform.engines.edition == "servers" else ["redis"])]


def kill_at_random(platform: Platform, ends: float, chance: random.Random, run: Run, show: Any) -> None:
    """One after the other, each started again before the next one is killed; in a round each of them, in any order."""
    round_of: list[str] = []
    while True:
        revive(platform, run)
        pause = chance.uniform(*_PAUSE)
        if time.monotonic() + pause > ends:
            rest(ends, show)
            return
        rest(time.monotonic() + pause, show)
        round_of = round_of or chance.sample(victims(platform), len(victims(platform)))
        victim = round_of.pop()
        run.kills[victim] += 1
        show(victim)
        if victim in SERVICES:
            platform.services[victim].kill()
            time.sleep(chance.uniform(*_AWAY))
            platform.services[victim].start(ready=False)
        else:
            platform.engines.kill(victim)
            time.sleep(chance.uniform(*_AWAY))
            platform.engines.start_again(victim)


def rest(until: float, show: Any) -> None:
    """Nothing but a glance at the clock now and then."""
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.5))
        show()


def revive(platform: Platform, run: Run) -> None:
    """What an orchestrator does with a process that has ended."""
    for name, service in platform.services.items():
        if service.process is not None and (code := service.process.poll()) is not None:
            run.ended.append(f"{name} (code {code})")
            service.start(ready=False)


def started(edition: str, folder: Path) -> Any:
    """Engines that answer."""
    if edition == "embedded":
        return EmbeddedEngines(folder / "engines")
    from faults.real import RealEngines  # noqa: PLC0415 - the embedded edition needs no Java

    return RealEngines(folder / "engines", neo4j=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--per-second", type=float, default=300)
    parser.add_argument("--edition", choices=["servers", "embedded"], default="servers")
    parser.add_argument("--people", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    kept.options(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
