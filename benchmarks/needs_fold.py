"""Behaviours folded into needs: the vectorised fold against one by one, and a running service on embedded engines.

    python benchmarks/needs_fold.py

Prints a table and keeps it in needs_fold.txt beside this script. Everything runs on this machine, loader included.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import redis
from confluent_kafka import Producer

from attune.needs.v1 import needs_pb2 as pb
from attune.needs.v1.needs_pb2_grpc import NeedsServiceStub
from attune.types.v1.types_pb2 import UserRef, Watermark
from lm.static import StaticEncoder
from needs.domain.fold import fold
from needs.domain.identity import names, product_name
from needs.domain.one_by_one import fold_one_by_one
from needs.domain.products import Product, ProductTable
from needs.domain.state import Behaviors, row_type
from needs.domain.weights import Kind, KindWeights, Recency

HERE = Path(__file__).resolve().parent
DIM, PRODUCTS, PEOPLE, EVENTS = 256, 1_000, 5_000, 20_000
KINDS = [Kind.VIEW] * 6 + [Kind.CLICK] * 2 + [Kind.ADD_TO_CART, Kind.PURCHASE]
NOW = 1_700_000_000_000  # milliseconds since 1970


def main() -> None:
    lines = [*folds(), "", *service()]
    print(*lines, sep="\n")
    (HERE / "needs_fold.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def folds() -> Iterator[str]:
    """µs per behaviour. Few people do most of it, so that most behaviours find a full ring and push another out."""
    table, everything = catalogue(), behaviors()
    yield f"Fold, {EVENTS:,} behaviours of {PEOPLE:,} people (Zipf), {DIM} dimensions, one core"
    for size in (500, 2_000, 5_000):
        yield f"  at once, batches of {size:<8,} {timed(fold, table, everything, size):7.2f} µs each"
    yield f"  one by one                  {timed(fold_one_by_one, table, everything, 5_000):7.2f} µs each"
    yield f"  a row                       {row_type(DIM).itemsize:7,} bytes"


def timed(how: Callable[..., Any], table: ProductTable, everything: Behaviors, size: int) -> float:
    rows, recency = np.zeros(PEOPLE, row_type(DIM)), Recency()
    started = time.perf_counter()
    for start in range(0, EVENTS, size):
        how(rows, everything.take(np.arange(start, min(start + size, EVENTS))), table, recency)
    return (time.perf_counter() - started) / EVENTS * 1e6


def catalogue() -> ProductTable:
    table, chance = ProductTable(DIM), np.random.default_rng(1)
    for i in range(PRODUCTS):
        vector = chance.standard_normal(DIM).astype(np.float32)
        vector /= np.linalg.norm(vector)
        table.put(Product("default", f"p{i}", vector, category=f"c{i % 20}", brand=f"b{i % 50}"))
    return table


def people() -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.random.default_rng(2).zipf(1.3, EVENTS) % PEOPLE


def behaviors() -> Behaviors:
    chance = np.random.default_rng(3)
    kinds = np.array(KINDS, dtype=np.uint8)[chance.integers(0, len(KINDS), EVENTS)]
    products = np.array([product_name("default", f"p{i}") for i in range(PRODUCTS)], dtype=np.uint64)
    return Behaviors(
        offsets=np.arange(EVENTS),
        people=people(),
        products=products[chance.integers(0, PRODUCTS, EVENTS)],
        kinds=kinds,
        times=NOW + np.arange(EVENTS) * 1_000,
        weights=KindWeights().of(kinds, np.full(EVENTS, np.nan)),
        events=names(f"event {i}" for i in range(EVENTS)),
    )


def service() -> Iterator[str]:
    """From the first byte sent to the last need readable."""
    with tempfile.TemporaryDirectory() as folder, house(Path(folder)) as (kafka, memory, needs):
        producer = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random", "linger.ms": 5})
        wait(needs, load_products(producer))
        before = memory.info("memory")["used_memory"]
        started = time.perf_counter()
        last = load_clicks(producer)
        sent = time.perf_counter() - started
        wait(needs, last)
        took = time.perf_counter() - started
        held = sum(1 for key in memory.scan_iter("need:{*}:t/*", count=1_000) if b"{products}" not in key)
        grown = (memory.info("memory")["used_memory"] - before) / held
        at_once = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random", "linger.ms": 0})
        single = sorted(one_click(at_once, needs) for _ in range(200))
    yield f"Service, {EVENTS:,} JSON clicks of {held:,} people, embedded broker and Redis, all on these cores"
    yield f"  sent in {sent:.2f} s, readable after {took:.2f} s   {EVENTS / took:7,.0f} events/s"
    yield f"  Redis memory                {grown:7,.0f} bytes a person"
    yield f"  one click, sent → readable  {single[100] * 1e3:7.1f} ms (p50), {single[190] * 1e3:.1f} ms (p95)"


def load_products(producer: Producer) -> list[Watermark]:
    encoder = StaticEncoder.load()
    vectors = encoder.encode([f"product number {i} of colour {i % 7}" for i in range(PRODUCTS)])
    records = [
        {
            "product_id": f"p{i}",
            "vectors": [{"data": base64.b64encode(v.tobytes()).decode(), "dim": len(v), "space": encoder.space}],
            "category": f"c{i % 20}",
            "brand": f"b{i % 50}",
        }
        for i, v in enumerate(vectors)
    ]
    return send(producer, "attune.product-vectors.v1", [(r["product_id"], r) for r in records])


def load_clicks(producer: Producer) -> list[Watermark]:
    chance = np.random.default_rng(3)
    products, kinds = chance.integers(0, PRODUCTS, EVENTS), chance.integers(0, len(KINDS), EVENTS)
    clicks = [
        click(f"user-{user}", f"event-{i}", f"p{products[i]}", KINDS[kinds[i]].name.lower())
        for i, user in enumerate(people().tolist())
    ]
    return send(producer, "attune.clickstream.v1", [(c["user_id"], c) for c in clicks])


def click(user: str, event: str, product: str, kind: str) -> dict[str, str]:
    return {
        "event_id": event,
        "user_id": user,
        "session_id": f"session of {user}",
        "occurred_at": "2026-01-31T12:00:00.000Z",
        "kind": kind,
        "product_id": product,
        "surface": "home",
    }


def one_click(producer: Producer, needs: NeedsServiceStub) -> float:
    started = time.perf_counter()
    wait(needs, send(producer, "attune.clickstream.v1", [("ann", click("ann", str(started), "p1", "view"))]))
    return time.perf_counter() - started


def send(producer: Producer, topic: str, records: list[tuple[str, Any]]) -> list[Watermark]:
    last: dict[int, int] = {}

    def written(_error: object, message: Any) -> None:
        last[message.partition()] = max(message.offset(), last.get(message.partition(), 0))

    for key, record in records:
        producer.produce(topic, json.dumps(record).encode(), key, on_delivery=written)
        producer.poll(0)
    producer.flush()
    return [Watermark(topic=topic, partition=partition, offset=offset) for partition, offset in last.items()]


def wait(needs: NeedsServiceStub, at_least: list[Watermark]) -> None:
    request = pb.GetNeedRequest(user=UserRef(user_id="ann"), at_least=at_least)
    if needs.GetNeed(request, timeout=60, wait_for_ready=True).served.stale:
        raise TimeoutError(f"not applied within a minute: {at_least}")


@contextmanager
def house(folder: Path) -> Iterator[tuple[str, redis.Redis, NeedsServiceStub]]:
    """An embedded broker, a Redis and the service, each its own process."""
    store, port = free_port(), free_port()
    started = [subprocess.Popen([sys.executable, "-m", "attune_embedded.broker"], stdout=subprocess.PIPE, text=True)]
    kafka = json.loads(started[0].stdout.readline())["bootstrap"] if started[0].stdout else ""
    command = [sys.executable, "-m", "attune_embedded.redis", "--data", str(folder), "--port", str(store)]
    started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
    named = {
        "ATTUNE_KAFKA": kafka,
        "ATTUNE_REDIS_URL": f"redis://127.0.0.1:{store}/0",
        "ATTUNE_GRPC_LISTEN": f"127.0.0.1:{port}",
        "ATTUNE_LOG_LEVEL": "ERROR",
    }
    started.append(subprocess.Popen([sys.executable, "-m", "needs"], env={**os.environ, **named}))
    try:
        yield kafka, redis.Redis(port=store), NeedsServiceStub(grpc.insecure_channel(f"127.0.0.1:{port}"))
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(10)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


if __name__ == "__main__":
    main()
