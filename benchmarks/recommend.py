"""Recommend over real gRPC with its needs hop: how many requests, how long each, and who pays for them.

    python benchmarks/recommend.py [--quick] [--sizes 10000,100000,1000000] [--people 1000000] [--behaviors 1500000]
                                   [--data FOLDER] [--seconds 20] [--no-keep]

Prints a table and keeps it in recommend.txt beside this script, that of a million products alone in
recommend_million.txt. Client, needs, Redis, broker and recommender share the
cores of this machine. Every request asks for ten offers with scores, terms and reasons; products out of stock (a tenth)
are filtered, and six rules of the shop hold. Who asks is drawn from what people did, so that busy customers come more
often. Closed loop: eight callers, each asks again as soon as it has its answer. Open loop: requests begin on a fixed
schedule, whether or not the ones before were answered, while 50 events and 5 catalogue updates a second come over
Kafka. The shop is made and laid into the stores by big_platform.py, without Kafka; that takes minutes for a million
products and is kept in --data.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import kept
import numpy as np
import psutil
from big_platform import Prepared, prepare, serving
from big_shop import BigShop
from recommend_callers import CALLERS, HEAD, RULES, Callers, Figures
from whole_platform import Platform

from attune.recommender.v1.recommender_pb2 import RecommendResponse
from recommender.domain.vectors import FLAT

SLOW = 100.0  # ms that no request may take while an index is built
MILLION = 1_000_000  # products, which take long enough to be measured alone
GOALS = {  # products → closed loop: requests a second; open loop: requests a second, p99 in ms
    100_000: (400, 100, 20.0),
    MILLION: (250, 50, 30.0),
}
REBUILT = 100_000  # products; the building of a larger index outlasts a benchmark


async def measure(prepared: Prepared, seconds: float) -> list[str]:
    """The rows of one size."""
    size = prepared.shop.size
    async with serving(prepared) as made:
        callers = Callers(made, prepared)
        await callers.decide()
        await callers.closed(min(seconds, 3.0))  # nobody's caches are cold in a shop that is open
        limit = await echo(made, prepared, await callers.reply(), seconds)
        wanted, rate, p99 = GOALS.get(size, (400, 100, 20.0))
        alone = await callers.closed(seconds, 1)
        eight = await callers.closed(seconds)
        paced = await callers.open(seconds, rate)
        recommender = made.processes["recommender"]
        family = [recommender, *recommender.children()]
        resident = " + ".join(f"{process.memory_info().rss / 2**30:.2f}" for process in family)
        needs = made.processes["needs"].memory_info().rss / 2**30
    goal = f" (goal {wanted}/s; p99 {p99:.0f} ms)" if size in GOALS else ""
    return [
        "",
        f"{size:,} products, {prepared.people:,} people, {prepared.behaviors:,} behaviours{goal}",
        limit.row(f"bare echo, {CALLERS} callers"),
        alone.row("closed loop, one caller"),
        eight.row(f"closed loop, {CALLERS} callers"),
        paced.row(f"open loop, {rate}/s, and the shop lives"),
        f"  resident: recommender {resident} GiB, needs {needs:.2f}; offers {eight.offers / len(eight.took):.1f}",
        f"  ready after: recommender {made.seconds['recommender']:.0f} s, needs {made.seconds['needs']:.0f} s",
        f"  looking at every vector instead: {brute(size):.1f} ms of one core a request (numpy, float32)",
        f"  laid into the stores in {sum(prepared.took.values()):.0f} s: "
        + ", ".join(f"{name} {took:.0f} s" for name, took in prepared.took.items()),
    ]


async def echo(made: Platform, prepared: Prepared, reply: RecommendResponse, seconds: float) -> Figures:
    """The same client and messages of the same size, without anything behind them."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(reply.SerializeToString())
        file.flush()
        command = [sys.executable, str(Path(__file__).with_name("echo.py")), file.name]
        server = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        address = (await server.stdout.readline()).decode().strip() if server.stdout else ""
        try:
            return await Callers(made, prepared, address).closed(min(seconds, 5.0))
        finally:
            server.terminate()
            await server.wait()


def brute(products: int) -> float:
    """Milliseconds of the product of all vectors with one."""
    rng = np.random.default_rng(1)
    rows = np.concatenate([rng.standard_normal((min(10_000, products), 256), dtype=np.float32)] * (products // 10_000))
    vector, took = rows[0].copy(), []
    for _ in range(5):
        begun = time.process_time()
        np.argpartition(-(rows @ vector), 100)
        took.append(time.process_time() - begun)
    return min(took) * 1e3


@dataclass
class Building:
    """How long an index was being built."""

    recommender: psutil.Process
    seconds: float = 0.0

    async def look(self, seconds: float) -> None:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            await asyncio.sleep(0.25)
            if any("build" in child.cmdline()[-1:] for child in self.recommender.children()):
                self.seconds += 0.25


async def rebuild(prepared: Prepared, seconds: float) -> list[str]:
    """Requests at a pace while the index of the shop is built anew; it begins after a few catalogue updates."""
    async with serving(prepared, ATTUNE_RECOMMENDER_REBUILD_AFTER="20") as made:
        callers = Callers(made, prepared)
        await callers.decide()
        await callers.closed(min(seconds, 3.0))
        building = Building(made.processes["recommender"])
        found, _ = await asyncio.gather(callers.open(3 * seconds, 100), building.look(3 * seconds))
    over = sum(took > SLOW for took in found.took)
    return [
        found.row("open loop, 100/s, index is rebuilt"),
        f"  {over} took more than {SLOW:.0f} ms; the index was being built for {building.seconds:.0f} s",
    ]


async def main(arguments: argparse.Namespace) -> None:
    cores = len(os.sched_getaffinity(0))
    lines = [
        f"Recommend, k = 10, terms, reasons, stock filter, {len(RULES)} rules; all on the same {cores} cores",
        HEAD,
    ]
    print(*lines, sep="\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="attune-bench-") as folder:
        data = arguments.data or Path(folder)
        for size in arguments.sizes:
            prepared = await prepare(data, BigShop(size), arguments.people, arguments.behaviors)
            rows = await measure(prepared, arguments.seconds)
            if FLAT < size <= REBUILT:
                rows += await rebuild(prepared, arguments.seconds)
            print(*rows, sep="\n", flush=True)
            lines += rows
    if not arguments.no_keep:
        kept.keep(__file__, lines, "million" if arguments.sizes == [MILLION] else "servers")


def sizes(text: str) -> Sequence[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="10,000 products, 20,000 people, a few seconds")
    parser.add_argument("--sizes", type=sizes, default=[10_000, 100_000, MILLION])
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--behaviors", type=int, default=1_500_000)
    parser.add_argument("--data", type=Path, help="where prepared shops are kept; default: a temporary folder")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each loop")
    kept.options(parser)
    given = parser.parse_args()
    if given.quick:
        given.sizes, given.people, given.behaviors, given.seconds = [10_000], 20_000, 60_000, 4.0
    asyncio.run(main(given))
