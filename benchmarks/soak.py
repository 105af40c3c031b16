"""Minutes of events under random SIGKILLs and restarts by SIGTERM; then every store against the log, recomputed.

    python benchmarks/soak.py [--minutes 10] [--per-second 300] [--edition servers|embedded] [--people 2000] [--seed 1]
                              [--twins content] [--no-keep]

SIGKILL hits services and engines, SIGTERM services, as in a roll-out; either hits one of two replicas where there are
two: real Kafka gives each of them some of the partitions.

At the end the log is read from its beginning and folded by one thread, one event after the other. Every person,
conversation and text of it is asked for, and must be as recomputed: the same behaviours, the same weights, vectors
within 1e-5. Prints tables and keeps them beside this script, in soak.txt or soak_embedded.txt. Ends with 1 when
anything differs from the log, or when the run was not what it says: events that were not sent, a victim never hit.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import kept
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "support"))  # the fault tests have the same parts
from faults.embedded import EmbeddedEngines
from faults.needs_oracle import ALIKE, Difference
from faults.platform import SERVICES, Platform
from faults.service import Service

_PAUSE = (4.0, 12.0)  # seconds between two faults
_AWAY = (0.0, 2.0)  # seconds a victim stays away
_KILL, _STOP = "SIGKILL", "SIGTERM"
_ENOUGH = 0.95  # of the events that the rate promises: fewer is another test than the one asked for
_HEAD = (
    f"{'':14}{'events':>9}{'lost':>7}{'doubled':>9}{'compared':>10}{'equal':>8}"
    f"{'vectors within':>16}{'caught up s':>13}"
)


class Fault(NamedTuple):
    """What is done to whom."""

    signal: str
    victim: str


@dataclass
class Run:
    """What happened."""

    sent: int = 0
    wanted: int = 0
    faults: Counter[Fault] = field(default_factory=Counter)
    ended: list[str] = field(default_factory=list)  # services that ended without being told
    rude: list[str] = field(default_factory=list)  # services that did not leave as they were told
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
    platform, run = Platform(engines, folder, "soak", people=told.people, twins=told.twins), Run()
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

            def show(fault: Fault | None = None) -> None:
                if fault:
                    progress.console.print(f"{time.monotonic() - begun:7.1f} s  {fault.signal} {fault.victim}")
                words = f"{run.sent:,} events, {run.faults.total()} faults"
                progress.update(shown, completed=time.monotonic() - begun, description=words)

            # In this thread: processes end with the thread that started them.
            shake(platform, ends, random.Random(told.seed), run, show)
        sender.join()
        console.print("the fire is over: waiting for all to catch up")
        revive(platform, run)
        waited = platform.caught_up()
        console.print("comparing every store with the log")
        found = platform.verdict()
    finally:
        platform.close()
    wrong = list(complaints(run, found, faults(platform)))
    pace = f"{told.per_second:g} events/s of {told.people:,} people"
    lines = [
        f"{told.minutes:g} minutes at {pace}, {engines.edition} engines",
        f"{run.sent:,} events sent, {len(platform.sender.written):,} records acknowledged",
        "",
        *done(run, faults(platform)),
        "",
        _HEAD,
        *(line(name, found[name], waited[name]) for name in SERVICES),
        "",
        *(wrong or ["all equal to the log"]),
    ]
    return lines, not wrong


def complaints(run: Run, found: Mapping[str, Difference], wanted: list[Fault]) -> Iterator[str]:
    """Whatever makes the run one that proves nothing, or proves a fault."""
    if run.failed:
        yield f"the events stopped: {run.failed}"
    if run.sent < _ENOUGH * run.wanted:
        yield f"{run.sent:,} events were sent instead of {run.wanted:,}"
    never = [" ".join(fault) for fault in wanted if not run.faults[fault]]
    if never:
        yield f"never done: {', '.join(never)}; run it for longer"
    yield from (f"did not leave as told: {how}" for how in run.rude)
    for name, each in found.items():
        if not each.acknowledged:
            yield f"{name}: nothing was compared"
        if each.lost or each.doubled or each.told or not each.vector <= ALIKE:
            yield f"{name}: NOT EQUAL to the log"
            yield from (f"  {how}" for how in each.told[:5])


def done(run: Run, wanted: list[Fault]) -> Iterator[str]:
    def times(victim: str) -> str:
        told = (run.faults[Fault(name, victim)] if Fault(name, victim) in wanted else "" for name in (_KILL, _STOP))
        return "".join(f"{each:>9}" for each in told)

    yield f"{'times':14}{_KILL:>9}{_STOP:>9}"
    yield from (f"{victim:14}{times(victim)}" for victim in dict.fromkeys(fault.victim for fault in wanted))
    sums = [sum(n for fault, n in run.faults.items() if fault.signal == name) for name in (_KILL, _STOP)]
    yield f"{'all':14}{sums[0]:>9}{sums[1]:>9}"
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


def faults(platform: Platform) -> list[Fault]:
    engines = ["redis", "kafka", "neo4j"] if platform.engines.edition == "servers" else ["redis"]
    kills = [Fault(_KILL, victim) for victim in [*platform.replicas, *engines]]
    return kills + [Fault(_STOP, victim) for victim in platform.replicas]


def shake(platform: Platform, ends: float, chance: random.Random, run: Run, show: Any) -> None:
    """One after the other, each victim started again before the next is hit; in a round each fault, in any order."""
    round_of: list[Fault] = []
    while True:
        revive(platform, run)
        pause = chance.uniform(*_PAUSE)
        if time.monotonic() + pause > ends:
            rest(ends, show)
            return
        rest(time.monotonic() + pause, show)
        round_of = round_of or chance.sample(faults(platform), len(faults(platform)))
        fault = round_of.pop()
        run.faults[fault] += 1
        show(fault)
        service = platform.replicas.get(fault.victim)
        if service is None:
            platform.engines.kill(fault.victim)
        elif fault.signal == _KILL:
            service.kill()
        else:
            leave(fault.victim, service, run)
        time.sleep(chance.uniform(*_AWAY))
        if service is None:
            platform.engines.start_again(fault.victim)
        else:
            service.start(ready=False)


def leave(name: str, service: Service, run: Run) -> None:
    """As in a roll-out, once it serves. One that does not end, or with an error, spoils the run; the fire goes on."""
    try:
        service.wait_ready()
        service.stop()
    except (AssertionError, subprocess.TimeoutExpired) as error:
        run.rude.append(f"{name}: {str(error).splitlines()[0]}")


def rest(until: float, show: Any) -> None:
    """Nothing but a glance at the clock now and then."""
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.5))
        show()


def revive(platform: Platform, run: Run) -> None:
    """What an orchestrator does with a process that has ended."""
    for name, service in platform.replicas.items():
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
    parser.add_argument(
        "--twins", nargs="*", choices=SERVICES, help="services of which two replicas run (content; embedded: none)"
    )
    kept.options(parser)
    told = parser.parse_args()
    if told.twins is None:
        told.twins = ["content"] if told.edition == "servers" else []
    return told


if __name__ == "__main__":
    main()
