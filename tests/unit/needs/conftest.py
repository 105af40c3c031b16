"""A small shop in a space of eight dimensions and what people do in it; and a house where the service runs."""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from confluent_kafka import Producer
from dead_letters import headers_of_dead_letter
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from ports import free_port

from attune.needs.v1 import needs_pb2 as pb
from attune.needs.v1.needs_pb2_grpc import NeedsServiceStub
from attune.types.v1.types_pb2 import UserRef, Watermark
from lm.static import StaticEncoder
from needs.domain.identity import names, product_name
from needs.domain.products import Product, ProductTable
from needs.domain.state import LAYOUT, Behaviors, Rows, row_type
from needs.domain.weights import Kind, KindWeights

DIM = 8
Batch = Callable[..., Behaviors]

CLICKS, QUERIES, VECTORS = "attune.clickstream.v1", "attune.queries.v1", "attune.product-vectors.v1"
NAMES = {"kettle": "red tea kettle", "tea": "green tea leaves", "shoes": "trail running shoes", "tent": "camping tent"}
ENCODER = StaticEncoder.load()
NOW = int(time.time())
numbers = itertools.count(1)


@pytest.fixture
def table() -> ProductTable:
    """p0 … p39: directions of their own, six categories, five brands, prices 10 … 49 euro."""
    made = ProductTable(DIM)
    chance = np.random.default_rng(7)
    for i in range(40):
        vector = chance.standard_normal(DIM).astype(np.float32)
        made.put(
            Product(
                tenant="shop",
                product_id=f"p{i}",
                vector=vector / np.linalg.norm(vector),
                words=((f"word{i}", 1.0),),
                category=f"category{i % 6}",
                brand=f"brand{i % 5}" if i % 7 else "",
                currency="EUR",
                amount=f"{10 + i}.00",
                attributes={"colour": "red" if i % 2 else "blue"},
            )
        )
    return made


@pytest.fixture
def behaviors() -> Batch:
    """A batch of (person, product number, kind, time[, event[, stars]]) in the order of the log."""

    def make(given: Sequence[tuple[Any, ...]]) -> Behaviors:
        kinds = np.array([g[2] for g in given], dtype=np.uint8)
        stars = np.array([g[5] if len(g) > 5 else np.nan for g in given], dtype=np.float64)
        return Behaviors(
            offsets=np.arange(len(given), dtype=np.int64),
            people=np.array([g[0] for g in given], dtype=np.int64),
            products=np.array([product_name("shop", f"p{g[1]}") for g in given], dtype=np.uint64),
            kinds=kinds,
            times=np.array([g[3] for g in given], dtype=np.int64),
            weights=KindWeights().of(kinds, stars),
            events=names(str(g[4]) if len(g) > 4 else f"{g[0]}/{i}/{g[3]}" for i, g in enumerate(given)),
        )

    return make


@pytest.fixture
def empty() -> Callable[[int], Rows]:
    """Rows of people of whom nothing is known, with a tail in float32 so that two folds can be compared."""

    def make(people: int) -> Rows:
        rows = np.zeros(people, row_type(DIM, tail="<f4"))
        rows["layout"] = LAYOUT
        return rows

    return make


@pytest.fixture
def busy() -> Callable[[int, int, int], list[tuple[Any, ...]]]:
    """What some people did: times mostly in order, some events sent twice, every kind."""

    def make(seed: int, people: int, count: int) -> list[tuple[Any, ...]]:
        chance = np.random.default_rng(seed)
        done: list[tuple[Any, ...]] = []
        for i in range(count):
            if done and chance.random() < 0.1:
                done.append(done[-1])  # its producer did not hear that it had arrived
                continue
            at = 1_700_000_000_000 + i * 3_600_000 - int(chance.integers(0, 8)) * 7_200_000
            kind = int(chance.choice([kind for kind in Kind if kind != Kind.IDENTIFY]))
            stars = float(chance.integers(1, 6)) if kind == Kind.RATE else np.nan
            done.append((int(chance.integers(people)), int(chance.integers(40)), kind, at, f"{seed}/{i}", stars))
        return done

    return make


class House:
    """A broker, a Redis and one needs service, each its own process, and what a shop does with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        command = [sys.executable, "-m", "attune_embedded.broker", "--partitions", "4"]
        self._broker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._broker.stdout is not None
        self.kafka = json.loads(self._broker.stdout.readline())["bootstrap"]
        self._redis_port, self._port = free_port(), free_port()
        self.start_redis()
        self.process = self.start_needs()
        self._producer = Producer(
            {"bootstrap.servers": self.kafka, "partitioner": "murmur2_random", "message.max.bytes": 8_000_000}
        )
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self._port}", [("grpc.max_reconnect_backoff_ms", 200)])
        self.needs = NeedsServiceStub(self._channel)

    @property
    def space(self) -> str:
        return ENCODER.space

    def start_redis(self) -> None:
        command = [sys.executable, "-m", "attune_embedded.redis", "--data", str(self._folder)]
        self.redis = subprocess.Popen([*command, "--port", str(self._redis_port)], stdout=subprocess.DEVNULL)

    def start_needs(self, port: int | None = None) -> subprocess.Popen[bytes]:
        """Another replica where `port` is given."""
        named = {
            "ATTUNE_KAFKA": self.kafka,
            "ATTUNE_REDIS_URL": f"redis://127.0.0.1:{self._redis_port}/0",
            "ATTUNE_GRPC_LISTEN": f"127.0.0.1:{port or self._port}",
            "ATTUNE_SESSION_TIMEOUT": "PT2S",
            "ATTUNE_RETRY_MOST": "PT0.2S",
            "ATTUNE_LOG_LEVEL": "ERROR",
        }
        command = [sys.executable, "-m", "attune_embedded.service", "needs"]
        return subprocess.Popen(command, env={**os.environ, **named})

    def stop(self) -> None:
        self._channel.close()
        self._producer.flush(5)
        for process in (self.process, self.redis, self._broker):
            process.terminate()
            process.wait(10)
        assert self._broker.stdout is not None
        self._broker.stdout.close()

    def send(self, topic: str, key: str | None, value: Any, partition: int = -1) -> Watermark:
        """Write one record as any shop would; where it lies."""
        written: list[Watermark] = []

        def told(_error: object, m: Any) -> None:
            written.append(Watermark(topic=m.topic(), partition=m.partition(), offset=m.offset()))

        data = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
        self._producer.produce(topic, data, key, partition, on_delivery=told)
        self._producer.flush(10)
        return written[0]

    def product(self, tenant: str, product: str, **changes: Any) -> Watermark:
        vector = ENCODER.encode([NAMES[product]])[0]
        data = base64.b64encode(vector.astype("<f4").tobytes()).decode()
        record = {
            "tenant": tenant,
            "product_id": product,
            "vectors": [{"data": data, "dim": len(vector), "space": ENCODER.space}],
            "words": [{"word": word, "weight": 1} for word in NAMES[product].split()],
            "category": f"for {product}",
            "brand": "Lu",
            "price": {"currency": "EUR", "amount": "19.90"},
        }
        return self.send(VECTORS, product, {**record, **changes})

    def click(self, tenant: str, user: str, product: str, kind: str = "click", **changes: Any) -> Watermark:
        partition = changes.pop("partition", -1)
        event = {"tenant": tenant, "user_id": user, "product_id": product, "kind": kind, **self.stamped()}
        return self.send(CLICKS, changes.pop("key", user), {**event, **changes}, partition)

    def identify(self, tenant: str, user: str, before: str, **changes: Any) -> Watermark:
        event = {"tenant": tenant, "user_id": user, "kind": "identify", "anonymous_id": before, **self.stamped()}
        return self.send(CLICKS, user, {**event, **changes})

    def query(self, tenant: str, user: str, text: str, kind: str = "search", **changes: Any) -> Watermark:
        event = {"tenant": tenant, "user_id": user, "kind": kind, "text": text, **self.stamped()}
        return self.send(QUERIES, user, {**event, **changes})

    def need(self, tenant: str, user: str, *at_least: Watermark, timeout: float = 30, **ask: Any) -> Any:
        request = pb.GetNeedRequest(user=UserRef(tenant=tenant, user_id=user), at_least=at_least, **ask)
        reply = self.needs.GetNeed(request, timeout=timeout, wait_for_ready=True)
        assert not reply.served.stale
        return reply.need

    def profile(self, tenant: str, user: str, *at_least: Watermark) -> Any:
        request = pb.GetProfileRequest(user=UserRef(tenant=tenant, user_id=user), at_least=at_least)
        return self.needs.GetProfile(request, timeout=15, wait_for_ready=True).profile

    def erase(self, tenant: str, user: str) -> Any:
        request = pb.EraseUserRequest(user=UserRef(tenant=tenant, user_id=user))
        return {line.store: line.count for line in self.needs.EraseUser(request, timeout=15).erased}

    def dead_letter(self, source: Watermark) -> dict[str, str]:
        """Headers of the dead letter of a record."""
        return headers_of_dead_letter(self.kafka, source)

    def like(self, need: Any, product: str) -> float:
        """Cosine of r_u and the product."""
        assert need.vector.space == ENCODER.space
        return float(np.frombuffer(need.vector.data, "<f4") @ ENCODER.encode([NAMES[product]])[0])

    def from_now_on(self) -> dict[str, str]:
        """A name and a time for an event that happens after all that was done so far, however long that took.

        Its time is when Kafka has it, in milliseconds: another one than that of what was done before.
        """
        began = time.time()
        while time.time() < began + 0.003:
            pass
        return self.stamped(3_600 + 36_000)

    def stamped(self, seconds: int = 0) -> dict[str, str]:
        """A new event id, and a time so long after an hour ago."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - 3_600 + seconds))
        return {"event_id": f"event-{next(numbers)}", "occurred_at": at}

    def violation(self, error: Any) -> Any:
        """What a refused call says of the first wrong field."""
        details = error_details_pb2.BadRequest()
        rpc_status.from_call(error).details[0].Unpack(details)
        return details.field_violations[0]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("redis"))
    yield house
    house.stop()


@pytest.fixture
def shop(house: House, tenant: str) -> str:
    """A tenant with all products."""
    for product in NAMES:
        house.product(tenant, product)
    return tenant
