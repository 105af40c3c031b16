"""From the moment Kafka acknowledges an event to the moment a reader sees it, while events flow at a fixed pace.

    python benchmarks/freshness.py [--edition servers|embedded] [--rates 50,200,500] [--probes 1000] [--reads 60]
                                   [--first]

Prints a table and keeps it in freshness.txt beside this script. Events are sent on a fixed schedule, whether or not the
one before was answered (open loop). For a share of them, as soon as Kafka has acknowledged one, a reader asks with its
position as `at_least`: the reply comes when the event counts, so the time to the reply is the time to visibility plus
the call itself. WatchNeed is measured without asking: from the acknowledgement to the message on an open stream. Beside
them stand the same calls without `at_least`, which wait for nothing, and the bare echo of the same server (its health).
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from grpc_health.v1 import health_pb2, health_pb2_grpc
from whole_platform import EDITIONS, Platform, first, platform

from attune.content.v1 import content_pb2
from attune.content.v1.content_pb2_grpc import ContentServiceStub
from attune.needs.v1 import needs_pb2
from attune.needs.v1.needs_pb2_grpc import NeedsServiceStub
from attune.recommender.v1 import recommender_pb2
from attune.recommender.v1.recommender_pb2_grpc import RecommenderServiceStub
from attune.types.v1.types_pb2 import UserRef, Watermark
from chassis.rpc import channel

HERE = Path(__file__).resolve().parent
TOPIC = "attune.clickstream.v1"
PEOPLE = 2_000
WATCHED = "watched"
_WARM = 200  # probes of each reader before the first that counts
GOALS = {("GetNeed", 200): (8.0, 30.0), ("Recommend", 200): (20.0, 60.0)}  # ms: p50, p99
Probe = Callable[[str, list[Watermark]], Awaitable[object]]


@dataclass(slots=True)
class Figures:
    """Milliseconds."""

    took: list[float] = field(default_factory=list)
    stale: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    def row(self, name: str, rate: int) -> str:
        p50, p99, most = (float(np.percentile(self.took, q)) for q in (50, 99, 100))
        goal = GOALS.get((name, rate))
        told = "" if goal is None else f"   goal {goal[0]:.0f} / {goal[1]:.0f}"
        told += f"   {self.stale} stale" if self.stale else ""
        told += f"   failed: {dict(self.failed)}" if self.failed else ""
        return f"  {rate:4}/s  {name:26} {len(self.took):6,} {p50:8.1f} {p99:8.1f} {most:8.1f}{told}"


class Sender:
    """Writes clicks as a shop's own server would: the C client, acknowledged by all, each sent at once.

    It takes less of these cores than a producer in Python, and so less from what is measured.
    """

    def __init__(self, kafka: str) -> None:
        self._loop, self._kafka = asyncio.get_running_loop(), kafka
        self._producer = Producer(
            {"bootstrap.servers": kafka, "partitioner": "murmur2_random", "enable.idempotence": True, "linger.ms": 0}
        )
        self._ends = threading.Event()
        self._hears = threading.Thread(target=self._hear, daemon=True)
        self._hears.start()

    async def send(self, user: str, event: dict[str, str]) -> Watermark:
        """Returns as soon as Kafka has acknowledged it."""
        acknowledged: asyncio.Future[Watermark] = self._loop.create_future()

        def told(error: Any, record: Message) -> None:
            self._loop.call_soon_threadsafe(_settle, acknowledged, error, record)

        self._producer.produce(TOPIC, json.dumps(event), user, on_delivery=told)
        return await acknowledged

    def dead(self) -> int:
        """Records that a service refused: there must be none, or something else was measured."""
        letters = f"{TOPIC}.dead"
        topics = self._producer.list_topics(letters, timeout=10).topics
        reader = Consumer({"bootstrap.servers": self._kafka, "group.id": "bench"})
        parts = [TopicPartition(letters, part) for part in topics[letters].partitions]
        count = sum(reader.get_watermark_offsets(part, timeout=10)[1] for part in parts)
        reader.close()
        return int(count)

    def close(self) -> None:
        """What was sent is acknowledged."""
        self._producer.flush(10)
        self._ends.set()
        self._hears.join(10)

    def _hear(self) -> None:
        while not self._ends.is_set():
            self._producer.poll(0.2)


def _settle(acknowledged: asyncio.Future[Watermark], error: Any, record: Message) -> None:
    if error is not None:
        acknowledged.set_exception(KafkaException(error))
    else:
        acknowledged.set_result(Watermark(topic=record.topic(), partition=record.partition(), offset=record.offset()))


class Shop:
    """Sends clicks and asks the services, all on one event loop of this process."""

    def __init__(self, house: Platform, sender: Sender, wires: dict[str, grpc.aio.Channel], *, reads: float) -> None:
        """`reads`: probes a second; few enough not to be the load themselves."""
        self._house, self._sender, self._reads = house, sender, reads
        self._needs = NeedsServiceStub(wires["needs"])
        self._recommender = RecommenderServiceStub(wires["recommender"])
        self._content = ContentServiceStub(wires["content"])
        self._health = health_pb2_grpc.HealthStub(wires["needs"])
        self._numbers = itertools.count()

    def probes(self) -> dict[str, Probe]:
        return {
            "GetNeed": self._get_need,
            "Recommend": self._recommend,
            "Compose": self._compose,
            "echo (health of needs)": self._echo,
            "GetNeed, waits for nothing": lambda user, _: self._get_need(user, []),
            "Recommend, nothing": lambda user, _: self._recommend(user, []),
            "Compose, nothing": lambda user, _: self._compose(user, []),
        }

    async def run(self, probe: Probe, rate: int, probes: int) -> Figures:
        """Send `rate` events a second until there are `probes` figures, one for each so many events."""
        every, found = max(1, round(rate / self._reads)), Figures()

        async def one(number: int) -> None:
            user = f"user-{number * 7919 % PEOPLE}"
            position = await self._send(user, number)
            if number % every == 0:
                acknowledged = time.perf_counter()
                try:
                    reply: Any = await probe(user, [position])
                except grpc.aio.AioRpcError as error:
                    found.failed[f"{error.code().name} {error.details()}"] += 1
                    return
                found.took.append((time.perf_counter() - acknowledged) * 1e3)
                found.stale += int(getattr(getattr(reply, "served", None), "stale", False))

        await self._pace(rate, probes * every, one)
        return found

    async def watch(self, rate: int, probes: int) -> Figures:
        """One person is watched; their own events are a share of all."""
        every, found = max(1, round(rate / self._reads)), Figures()
        stream = self._needs.WatchNeed(needs_pb2.WatchNeedRequest(user=UserRef(user_id=WATCHED)), timeout=600)
        before = (await stream.read()).need.behaviors
        acknowledged: list[float] = []  # when, in the order of the log: one person's events are in one partition
        seen = 0

        async def one(number: int) -> None:
            watched = number % every == 0
            await self._send(WATCHED if watched else f"user-{number * 7919 % PEOPLE}", number)
            if watched:
                acknowledged.append(time.perf_counter())

        async def read() -> None:
            nonlocal seen
            while seen < probes:
                behaviors = (await stream.read()).need.behaviors - before
                now = time.perf_counter()
                new = acknowledged[seen:behaviors]
                found.took += [max(0.0, now - at) * 1e3 for at in new]
                found.took += [0.0] * (behaviors - seen - len(new))  # it was told before the producer was
                seen = behaviors

        await asyncio.gather(self._pace(rate, probes * every, one), asyncio.wait_for(read(), 300))
        stream.cancel()
        return found

    async def _pace(self, rate: int, events: int, one: Callable[[int], Awaitable[None]]) -> None:
        """Begin one a tick, never waiting for any."""
        running, started = set[asyncio.Future[None]](), time.perf_counter()
        for i in range(events):
            await asyncio.sleep(started + i / rate - time.perf_counter())
            task = asyncio.ensure_future(one(next(self._numbers)))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)

    async def _send(self, user: str, number: int) -> Watermark:
        event = {
            "event_id": f"{os.getpid()}-{number}",
            "user_id": user,
            "session_id": f"{user}-now",
            "occurred_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "kind": "view",
            "product_id": self._house.products[number % len(self._house.products)],
            "surface": "home",
        }
        return await self._sender.send(user, event)

    def _get_need(self, user: str, at_least: list[Watermark]) -> Awaitable[object]:
        request = needs_pb2.GetNeedRequest(user=UserRef(user_id=user), at_least=at_least)
        return self._needs.GetNeed(request, timeout=10)

    def _recommend(self, user: str, at_least: list[Watermark]) -> Awaitable[object]:
        request = recommender_pb2.RecommendRequest(user=UserRef(user_id=user), at_least=at_least)
        return self._recommender.Recommend(request, timeout=10)

    def _compose(self, user: str, at_least: list[Watermark]) -> Awaitable[object]:
        request = content_pb2.ComposeRequest(
            user=UserRef(user_id=user), product_id=self._house.products[0], channel="banner", at_least=at_least
        )
        return self._content.Compose(request, timeout=10)

    def _echo(self, _user: str, _at_least: list[Watermark]) -> Awaitable[object]:
        return self._health.Check(health_pb2.HealthCheckRequest(), timeout=10)


async def measure(edition: str, rates: list[int], probes: int, reads: float) -> AsyncIterator[str]:
    """The lines of the table."""
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(platform(edition, ("needs", "recommender", "content")))
        sender = Sender(house.kafka)
        stack.callback(sender.close)
        wires = {
            name: await stack.enter_async_context(channel(address, name="bench"))
            for name, address in house.addresses.items()
        }
        shop = Shop(house, sender, wires, reads=reads)
        # Everything was called, every person is half known, and Java has compiled what runs often.
        for _, warm in zip(range(3), shop.probes().values(), strict=False):
            await shop.run(warm, 500, _WARM)
        yield f"Acknowledged by Kafka → visible, on {EDITIONS[edition]}; every process on these {os.cpu_count()} cores"
        yield f"  {PEOPLE:,} people do something, {reads:g} times a second somebody reads"
        yield "  events     reader                      probes   p50 ms   p99 ms   max ms"
        for rate in rates:
            before, started = house.cpu() | {"this": time.process_time()}, time.perf_counter()
            for name, probe in shop.probes().items():
                enough = probes // 4 if "nothing" in name else probes
                yield (await shop.run(probe, rate, enough)).row(name, rate)
            yield (await shop.watch(rate, probes)).row("WatchNeed, told on a stream", rate)
            seconds, after = time.perf_counter() - started, house.cpu() | {"this": time.process_time()}
            used = ", ".join(f"{name} {(after[name] - before[name]) / seconds:.0%}" for name in after)
            yield f"          CPU of a core: {used}; load of the machine {os.getloadavg()[0]:.1f}"
        if refused := sender.dead():
            raise RuntimeError(f"{refused} records were refused: this measured something else")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edition", choices=EDITIONS, default="servers")
    parser.add_argument("--rates", default="50,200,500", help="events a second")
    parser.add_argument("--probes", type=int, default=1_000)
    parser.add_argument("--reads", type=float, default=60.0, help="probes a second")
    parser.add_argument("--first", action="store_true", help="priority over other work of this machine; needs root")
    given = parser.parse_args()
    lines, rates = [], [int(rate) for rate in given.rates.split(",")]
    if given.first:
        first()
        lines.append("These processes had priority over other work of the machine.")
    async for line in measure(given.edition, rates, given.probes, given.reads):
        print(line, flush=True)
        lines.append(line)
    result = HERE / ("freshness.txt" if given.edition == "servers" else "freshness_embedded.txt")
    result.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
