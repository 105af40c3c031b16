"""Bytes of Redis a person takes and resident memory of the services, at 10,000, 100,000 and 1,000,000 people.

    python benchmarks/memory.py [--users 10000,100000,1000000] [--edition servers|embedded] [--through-kafka 10000]
                                [--no-keep]

Prints a table and keeps it beside this script, in memory.txt or memory_embedded.txt. Everyone did 20 things, so that
every ring is full. The first people come the whole way, as events over Kafka into four running services. The others are
fed into the same Redis by the same use case and store that the needs service is made of, in large batches, as the whole
way would take hours; a line shows that both ways leave rows of the same size. Bytes a person: growth of `used_memory` /
people, so keys and Redis' own tables are in it.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import grpc
import kept
import numpy as np
from confluent_kafka import Producer
from redis.asyncio import Redis
from whole_platform import EDITIONS, Platform, platform

from attune.content.v1.content_pb2 import ComposeRequest
from attune.content.v1.content_pb2_grpc import ContentServiceStub
from attune.events.v1 import clickstream_pb2 as clicks
from attune.needs.v1.needs_pb2 import GetNeedRequest
from attune.needs.v1.needs_pb2_grpc import NeedsServiceStub
from attune.recommender.v1.recommender_pb2 import RecommendRequest
from attune.recommender.v1.recommender_pb2_grpc import RecommenderServiceStub
from attune.types.v1.types_pb2 import UserRef, Watermark
from chassis.rpc import channel
from lm.static import StaticEncoder
from needs.domain.identity import Person, product_name
from needs.domain.placement import partition_of
from needs.domain.products import ProductTable
from needs.domain.state import Behaviors, row_type
from needs.domain.weights import Kind, KindWeights, Recency
from needs.stores.products_redis import RedisProducts
from needs.stores.redis import RedisNeedStore
from needs.usecases import Learn, Span

SERVICES = ("needs", "recommender", "qa", "content")
TOPIC, PARTITIONS, EACH, AT_ONCE = "attune.clickstream.v1", 4, 20, 5_000
KINDS = [Kind.VIEW] * 6 + [Kind.CLICK] * 2 + [Kind.ADD_TO_CART, Kind.PURCHASE]
WIRE = [clicks.BEHAVIOR_KIND_VIEW] * 6 + [clicks.BEHAVIOR_KIND_CLICK] * 2
WIRE += [clicks.BEHAVIOR_KIND_ADD_TO_CART, clicks.BEHAVIOR_KIND_PURCHASE]
DEFAULT, FED = "default", "library"  # tenants with names of one length, so that keys are


class Memory:
    """One Redis and how much of it people take."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._before = redis, 0

    async def begin(self) -> None:
        self._before = await self._used()

    async def grown(self) -> int:
        """Bytes since `begin`."""
        return await self._used() - self._before

    async def rows(self, tenant: str, people: Sequence[str]) -> tuple[float, float]:
        """Mean length of the keys and of the rows of these people, bytes."""
        keys = [f"need:{{{partition_of(each, PARTITIONS)}}}:t/{tenant}/{each}" for each in people]
        blobs = [blob for blob in await self._redis.mget(keys) if blob is not None]
        if len(blobs) < len(keys):
            raise LookupError(f"{len(keys) - len(blobs)} people are missing")
        return float(np.mean([len(key) for key in keys])), float(np.mean([len(blob) for blob in blobs]))

    async def _used(self) -> int:
        return int((await self._redis.info("memory"))["used_memory"])


class Feeder:
    """Folds people who each did EACH things into the store, as the needs service does with a batch of one partition."""

    def __init__(self, redis: Redis, encoder: StaticEncoder, products: Sequence[str]) -> None:
        self._redis, self._encoder = redis, encoder
        self._table = ProductTable(encoder.dim)
        self._names = np.array([product_name(FED, each) for each in products], dtype=np.uint64)
        store = RedisNeedStore(redis, dim=encoder.dim, space=encoder.space, forgotten_for=timedelta(days=30))
        self._learn = Learn(store, self._table, Recency(), lambda _: None)
        self._next = 0

    async def begin(self) -> None:
        """Take the products that the service has."""
        async for product in RedisProducts(self._redis, dim=self._encoder.dim, space=self._encoder.space).load():
            self._table.put(replace(product, tenant=FED))

    async def feed(self, first: int, last: int) -> None:
        """People number `first` to `last` - 1."""
        waiting = defaultdict[int, list[Person]](list)
        for number in range(first, last):
            user = user_of(number)
            partition = partition_of(user, PARTITIONS)
            waiting[partition].append(Person(FED, user))
            if len(waiting[partition]) == AT_ONCE:
                await self._fold(partition, waiting.pop(partition))
        for partition, people in waiting.items():
            await self._fold(partition, people)

    async def _fold(self, partition: int, people: list[Person]) -> None:
        count, chance = len(people) * EACH, np.random.default_rng(self._next)
        offsets = np.arange(self._next, self._next + count)
        self._next += count
        which = chance.integers(0, len(KINDS), count)
        kinds = np.array(KINDS, dtype=np.uint8)[which]
        batch = Behaviors(
            offsets=offsets,
            people=np.tile(np.arange(len(people)), EACH),
            products=self._names[chance.integers(0, len(self._names), count)],
            kinds=kinds,
            times=round(time.time() * 1e3) + np.arange(count),
            weights=KindWeights().of(kinds, np.full(count, np.nan)),
            events=chance.integers(1, 2**63, count).astype(np.uint64),
        )
        await self._learn.behaviors(Span("fed", TOPIC, partition, self._next), people, batch)


class Readers:
    """Ask the services as a shop does."""

    def __init__(self, wires: dict[str, grpc.aio.Channel], product: str) -> None:
        self._needs, self._product = NeedsServiceStub(wires["needs"]), product
        self._recommender = RecommenderServiceStub(wires["recommender"])
        self._content = ContentServiceStub(wires["content"])

    async def until(self, marks: list[Watermark]) -> None:
        """Wait until every service has applied these."""
        who = UserRef(user_id=user_of(0))
        asks: list[tuple[Any, Any]] = [
            (self._needs.GetNeed, GetNeedRequest(user=who, at_least=marks)),
            (self._recommender.Recommend, RecommendRequest(user=who, at_least=marks)),
            (
                self._content.Compose,
                ComposeRequest(user=who, product_id=self._product, channel="banner", at_least=marks),
            ),
        ]
        for call, request in asks:
            while (await call(request, timeout=50)).served.stale:
                pass

    async def read(self, tenant: str, people: Sequence[str]) -> None:
        """Everybody's need, once."""
        for user in people:
            await self._needs.GetNeed(GetNeedRequest(user=UserRef(tenant=tenant, user_id=user)), timeout=50)


def user_of(number: int) -> str:
    return f"user-{number:07}"


def send(house: Platform, people: int) -> list[Watermark]:
    """EACH things of each person, over Kafka: the last position of each partition."""
    producer, last = Producer({"bootstrap.servers": house.kafka, "partitioner": "murmur2_random", "linger.ms": 5}), {}
    chance = np.random.default_rng(1)

    def written(_error: object, message: Any) -> None:
        last[message.partition()] = max(message.offset(), last.get(message.partition(), 0))

    for number in range(people * EACH):
        user = user_of(number % people)
        event = clicks.ClickstreamEvent(
            event_id=f"{user}-{number}",
            user_id=user,
            session_id=user,
            kind=WIRE[chance.integers(0, len(WIRE))],
            product_id=house.products[chance.integers(0, len(house.products))],
            surface="home",
        )
        event.occurred_at.GetCurrentTime()
        headers = {"content-type": "application/x-protobuf"}
        producer.produce(TOPIC, event.SerializeToString(), user, headers=headers, on_delivery=written)
        if number % 1_000 == 0:
            producer.poll(0.02)
    producer.flush()
    return [Watermark(topic=TOPIC, partition=partition, offset=offset) for partition, offset in last.items()]


async def measure(edition: str, sizes: list[int], over_kafka: int) -> AsyncIterator[str]:
    encoder = StaticEncoder.load()
    async with platform(edition, SERVICES) as house, Redis.from_url(house.redis_url) as redis:
        wires = {name: channel(address, name="bench") for name, address in house.addresses.items()}
        readers, memory = Readers(wires, house.products[0]), Memory(redis)
        feeder = Feeder(redis, encoder, house.products)
        await feeder.begin()
        yield f"{EACH} behaviours each, on {EDITIONS[edition]}; a row has {row_type(encoder.dim).itemsize:,} bytes"
        yield f"  {'people':>9}  {'Redis, bytes each':>17}  {'key':>5}  {'row':>6}  {'the rest':>8}   RSS, MiB"
        await memory.begin()
        yield line("no one", "", house)
        marks = await asyncio.to_thread(send, house, over_kafka)
        await readers.until(marks)
        yield await figures(f"{over_kafka:,}", over_kafka, DEFAULT, memory, house) + "   over Kafka"
        await memory.begin()
        fed = 0
        for size in sizes:
            await feeder.feed(fed, size)
            fed = size
            await readers.read(FED, sample(size))
            yield await figures(f"{size:,}", size, FED, memory, house)
        for wire in wires.values():
            await wire.close()


async def figures(name: str, people: int, tenant: str, memory: Memory, house: Platform) -> str:
    each = await memory.grown() / people
    key, row = await memory.rows(tenant, sample(people))
    return line(name, f"{each:17,.0f}  {key:5.0f}  {row:6,.0f}  {each - key - row:8,.0f}", house)


def sample(people: int) -> list[str]:
    return [user_of(int(number)) for number in np.random.default_rng(2).integers(0, people, 1_000)]


def line(name: str, redis: str, house: Platform) -> str:
    held = {name: process.memory_info().rss / 2**20 for name, process in house.processes.items()}
    return f"  {name:>9}  {redis:42}   " + ", ".join(f"{each} {size:,.0f}" for each, size in held.items())


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", default="10000,100000,1000000")
    parser.add_argument("--edition", choices=EDITIONS, default="servers")
    parser.add_argument("--through-kafka", type=int, default=10_000, help="how many come the whole way")
    kept.options(parser)
    given = parser.parse_args()
    lines = []
    sizes = [int(size) for size in given.users.split(",")]
    async for each in measure(given.edition, sizes, given.through_kafka):
        print(each, flush=True)
        lines.append(each)
    if not given.no_keep:
        kept.keep(__file__, lines, given.edition)


if __name__ == "__main__":
    asyncio.run(main())
