"""What asking needs for a need costs at both ends: by a call each time, and over streams that are kept open.

    python benchmarks/needs_hop.py [--size 10000] [--people 100000] [--behaviors 300000] [--data FOLDER] [--seconds 5]
                                   [--rounds 3] [--no-keep]

Prints a table and keeps it in needs_hop.txt beside this script. needs and its client share the cores of this machine.
Both ways are asked in turn, so that other work of the machine meets both; a row tells the median of the rounds. Who
asks at a pace asks every ten milliseconds, as a recommender between its other work does: caches are cold then. The shop
is made by big_platform.py and kept in --data.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import kept
from big_platform import prepare, serving
from big_shop import BigShop
from recommend_callers import asking
from whole_platform import Platform

from attune.needs.v1.needs_pb2 import GetNeedRequest, GetNeedResponse
from attune.needs.v1.needs_pb2_grpc import NeedsServiceStub
from attune.types.v1.types_pb2 import UserRef
from chassis.rpc import Lanes, channel

PACE = 0.01  # seconds
LOOPS = {"one caller": (1, 0.0), "8 callers": (8, 0.0), "one caller, 100/s": (1, PACE)}
Ask = Callable[[GetNeedRequest], Awaitable[GetNeedResponse]]
Row = tuple[float, float, float, float]  # needs a second; CPU ms of needs and of the client, and p50 in ms, of each


async def measure(made: Platform, ask: Ask, users: Iterator[str], callers: int, pace: float, seconds: float) -> Row:
    """Callers that ask again as soon as they were answered, or when it is time."""
    took: list[float] = []

    async def caller() -> None:
        until = time.perf_counter() + seconds
        while (begun := time.perf_counter()) < until:
            await ask(GetNeedRequest(user=UserRef(user_id=next(users)), brief=True))
            took.append(time.perf_counter() - begun)
            if pace:
                await asyncio.sleep(begun + pace - time.perf_counter())

    before, own, begun = made.cpu()["needs"], time.process_time(), time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    there, own, passed = made.cpu()["needs"] - before, time.process_time() - own, time.perf_counter() - begun
    each = 1e3 / len(took)
    return len(took) / passed, there * each, own * each, statistics.median(took) * 1e3


async def main(arguments: argparse.Namespace) -> None:
    size, seconds = arguments.size, arguments.seconds
    lines = [
        f"GetNeed; {size:,} products, {arguments.people:,} people, {arguments.behaviors:,} behaviours; CPU ms each",
        f"{'':36} {'needs/s':>8} {'needs':>8} {'client':>8} {'both':>8} {'p50 ms':>8}",
    ]
    with tempfile.TemporaryDirectory(prefix="attune-bench-") as folder:
        data = arguments.data or Path(folder)
        prepared = await prepare(data, BigShop(size), arguments.people, arguments.behaviors)
        users = itertools.cycle(user for user, _ in itertools.islice(asking(prepared), 10_000))
        async with serving(prepared, ("needs",)) as made, channel(made.addresses["needs"], name="bench") as wire:
            stub = NeedsServiceStub(wire)
            lanes = Lanes(stub.GetNeeds, stub.GetNeed)
            ways: dict[str, Ask] = {
                "calls": lambda request: stub.GetNeed(request, timeout=10),
                "streams kept open": lambda request: lanes(request, timeout=10),
            }
            for ask in ways.values():
                await measure(made, ask, users, 8, 0.0, min(seconds, 2.0))  # nobody's caches are cold
            for loop, (callers, pace) in LOOPS.items():
                rounds = [
                    {way: await measure(made, ask, users, callers, pace, seconds) for way, ask in ways.items()}
                    for _ in range(arguments.rounds)
                ]
                for way in ways:
                    found = zip(*(row[way] for row in rounds), strict=True)
                    rate, there, own, p50 = (statistics.median(each) for each in found)
                    name = f"{loop}: {way}"
                    lines.append(f"{name:36} {rate:8.0f} {there:8.2f} {own:8.2f} {there + own:8.2f} {p50:8.2f}")
    print(*lines, sep="\n")
    if not arguments.no_keep:
        kept.keep(__file__, lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--size", type=int, default=10_000, help="products")
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--behaviors", type=int, default=300_000)
    parser.add_argument("--data", type=Path, help="where prepared shops are kept; default: a temporary folder")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each loop")
    parser.add_argument("--rounds", type=int, default=3)
    kept.options(parser)
    asyncio.run(main(parser.parse_args()))
