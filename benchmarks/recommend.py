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
import itertools
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import grpc
import kept
import numpy as np
import psutil
from big_platform import Prepared, prepare, serving
from big_shop import BigShop, user_id
from confluent_kafka import Producer
from google.protobuf import json_format
from whole_platform import Platform

from attune.recommender.v1.recommender_pb2 import GetPolicyRequest, RecommendRequest, RecommendResponse
from attune.recommender.v1.recommender_pb2_grpc import RecommenderServiceStub
from attune.types.v1.types_pb2 import UserRef
from chassis.rpc import channel
from recommender.domain.vectors import FLAT

CALLERS = 8
SLOW = 100.0  # ms that no request may take while an index is built
EVENTS, UPDATES = 50, 5  # a second, beside the open loop
MILLION = 1_000_000  # products, which take long enough to be measured alone
GOALS = {  # products → closed loop: requests a second; open loop: requests a second, p99 in ms
    100_000: (400, 100, 20.0),
    MILLION: (250, 50, 30.0),
}
REBUILT = 100_000  # products; the building of a larger index outlasts a benchmark
RULES: Sequence[dict[str, object]] = (  # of a shop that has opinions
    {"match": {"categories": ["home/decor"]}, "exclude": {}},
    {"match": {"max_price": {"currency": "EUR", "amount": "2"}}, "exclude": {}},
    {"match": {"categories": ["kitchen"]}, "boost": {"by": 0.02}},
    {"match": {"attributes": [{"name": "material", "values": ["plastic"]}]}, "bury": {}},
    {"brand_cap": {"most": 3}},
    {"fresh_quota": {"share": 0.1, "days": 90}},
)
_KINDS = ("view", "view", "view", "click", "add_to_cart", "purchase")
Ask = Callable[[], Awaitable[object]]


@dataclass
class Figures:
    """Of one loop."""

    took: list[float] = field(default_factory=list)  # milliseconds
    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)  # seconds by process
    failed: Counter[str] = field(default_factory=Counter)
    offers: int = 0

    def row(self, name: str) -> str:
        p50, p99, most = (float(np.percentile(self.took, q)) for q in (50, 99, 100))
        each = {process: 1e3 * used / len(self.took) for process, used in self.cpu.items()}
        spent = " ".join(f"{each[process]:7.2f}" for process in ("recommender", "needs", "redis", "log", "client"))
        told = f"   failed: {dict(self.failed)}" if self.failed else ""
        rate = len(self.took) / self.seconds
        return f"  {name:34} {rate:8.0f} {p50:8.1f} {p99:8.1f} {most:8.1f}   {spent}{told}"


HEAD = (
    f"  {'':34} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}   "
    f"{'CPU ms a request: recomm.':>7} {'needs':>6} {'redis':>7} {'log':>7} {'client':>7}"
)


class Callers:
    """Asks one service from this process."""

    def __init__(self, made: Platform, prepared: Prepared, address: str = "") -> None:
        """`address`: of another server than the recommender."""
        self._made, self._prepared = made, prepared
        self._stub = RecommenderServiceStub(channel(address or made.addresses["recommender"], name="bench"))
        self._people = asking(prepared)
        self._me = psutil.Process()

    async def ask(self) -> int:
        """One request; how many offers came."""
        return len((await self.reply()).recommendations)

    async def reply(self) -> RecommendResponse:
        """The answer to one request."""
        user, language = next(self._people)
        request = RecommendRequest(user=UserRef(user_id=user), k=10, language=language)
        return await self._stub.Recommend(request, timeout=10)

    async def decide(self) -> None:
        """The shop's rules are in force."""
        producer = Producer({"bootstrap.servers": self._made.kafka, "partitioner": "murmur2_random"})
        for number, rule in enumerate(RULES):
            named = {"rule_id": f"rule-{number}", **rule}
            producer.produce("attune.rules.v1", json.dumps(named), f"rule-{number}")
        await asyncio.to_thread(producer.flush, 30)
        known = 0
        while known < len(RULES):
            await asyncio.sleep(0.1)
            known = len((await self._stub.GetPolicy(GetPolicyRequest(), timeout=10)).rules)

    async def closed(self, seconds: float, callers: int = CALLERS) -> Figures:
        """Each caller asks again as soon as it was answered."""
        found = Figures()
        until = time.perf_counter() + seconds

        async def caller() -> None:
            while time.perf_counter() < until:
                await self._one(found)

        async with _Counted(self._made, self._me, found):
            await asyncio.gather(*(caller() for _ in range(callers)))
        return found

    async def open(self, seconds: float, rate: int) -> Figures:
        """Requests on a schedule, while the shop lives."""
        found, running = Figures(), set[asyncio.Task[None]]()
        life = asyncio.create_task(self._live())
        async with _Counted(self._made, self._me, found):
            begun = time.perf_counter()
            for number in range(int(seconds * rate)):
                await asyncio.sleep(begun + number / rate - time.perf_counter())
                task = asyncio.create_task(self._one(found, begun + number / rate))
                running.add(task)
                task.add_done_callback(running.discard)
            await asyncio.gather(*running)
        life.cancel()
        return found

    async def _one(self, found: Figures, due: float | None = None) -> None:
        started = time.perf_counter() if due is None else due
        try:
            offers = await self.ask()
        except grpc.aio.AioRpcError as error:
            found.failed[error.code().name] += 1
            return
        found.took.append((time.perf_counter() - started) * 1e3)
        found.offers += offers

    async def _live(self) -> None:
        """Events and catalogue updates, until cancelled."""
        shop, rng = self._prepared.shop, random.Random(17)
        producer = Producer({"bootstrap.servers": self._made.kafka, "partitioner": "murmur2_random", "linger.ms": 0})
        begun = time.perf_counter()
        for number in itertools.count():
            await asyncio.sleep(max(0.0, begun + number / EVENTS - time.perf_counter()))
            user = user_id(rng.randrange(self._prepared.people))
            event = {
                "event_id": f"{begun}-{number}",
                "user_id": user,
                "occurred_at": datetime.now(UTC).isoformat(),
                "kind": rng.choice(_KINDS),
                "product_id": shop.product_id(rng.randrange(shop.size)),
            }
            producer.produce("attune.clickstream.v1", json.dumps(event), user)
            if number % (EVENTS // UPDATES) == 0:
                product = shop.product(rng.randrange(shop.size))
                product.price.amount = f"{rng.uniform(1, 100):.2f}"
                producer.produce("attune.catalog.v1", json_format.MessageToJson(product), product.product_id)
            producer.poll(0)


class _Counted:
    """Time and CPU of what lies between."""

    def __init__(self, made: Platform, me: psutil.Process, found: Figures) -> None:
        self._made, self._me, self._found = made, me, found

    def _cpu(self) -> dict[str, float]:
        return self._made.cpu() | {"client": sum(self._me.cpu_times()[:2])}

    async def __aenter__(self) -> None:
        self._before, self._begun = self._cpu(), time.perf_counter()

    async def __aexit__(self, *_: object) -> None:
        self._found.seconds = time.perf_counter() - self._begun
        self._found.cpu = {name: used - self._before[name] for name, used in self._cpu().items()}


def asking(prepared: Prepared) -> Iterator[tuple[str, str]]:
    """Who asks, and in which language: people as often as they did something."""
    rng = random.Random(3)
    chunk = list(prepared.shop.people(prepared.people, prepared.behaviors))[-1]
    while True:
        yield user_id(int(chunk.people[rng.randrange(len(chunk.people))])), rng.choice(("en", "zh"))


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
