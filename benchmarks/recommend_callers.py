"""Who asks for recommendations in benchmarks, in closed and open loops, and what a shop does meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import grpc
import numpy as np
import psutil
from big_platform import Prepared
from big_shop import user_id
from confluent_kafka import Producer
from google.protobuf import json_format
from whole_platform import Platform

from attune.recommender.v1.recommender_pb2 import GetPolicyRequest, RecommendRequest, RecommendResponse
from attune.recommender.v1.recommender_pb2_grpc import RecommenderServiceStub
from attune.types.v1.types_pb2 import UserRef
from chassis.rpc import channel

CALLERS = 8
EVENTS, UPDATES = 50, 5  # a second, beside the open loop
RULES: Sequence[dict[str, object]] = (  # of a shop that has opinions
    {"match": {"categories": ["home/decor"]}, "exclude": {}},
    {"match": {"max_price": {"currency": "EUR", "amount": "2"}}, "exclude": {}},
    {"match": {"categories": ["kitchen"]}, "boost": {"by": 0.02}},
    {"match": {"attributes": [{"name": "material", "values": ["plastic"]}]}, "bury": {}},
    {"brand_cap": {"most": 3}},
    {"fresh_quota": {"share": 0.1, "days": 90}},
)
_KINDS = ("view", "view", "view", "click", "add_to_cart", "purchase")


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
