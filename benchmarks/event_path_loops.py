"""The loops the service is compared with: the raw client, and what is written by hand.

python benchmarks/event_path_loops.py raw|plain
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from redis.asyncio import Redis

from needs.domain.identity import names, product_name
from needs.domain.one_by_one import fold_one_by_one
from needs.domain.products import ProductTable
from needs.domain.state import Behaviors, decode_rows, encode_rows, row_type
from needs.domain.weights import Kind, KindWeights, Recency

CLICKS = "attune.clickstream.v1"
DIM = 256


class Event(msgspec.Struct):
    """What every loop must know of an event."""

    event_id: str
    user_id: str
    occurred_at: str
    kind: str
    product_id: str
    tenant: str


async def main() -> None:
    memory = Redis.from_url(os.environ["ATTUNE_REDIS_URL"])
    kafka = AIOKafkaConsumer(
        CLICKS,
        bootstrap_servers=os.environ["ATTUNE_KAFKA"],
        group_id=f"loop-{os.getpid()}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    await kafka.start()
    sys.stdout.write('{"event": "ready"}\n')  # as a service does
    sys.stdout.flush()
    await {"raw": raw, "plain": plain}[sys.argv[1]](kafka, memory)


async def raw(kafka: AIOKafkaConsumer, memory: Redis) -> None:
    """The limit: fetch, decode, commit once per batch, and tell how far it is."""
    decode, count = msgspec.json.Decoder(Event).decode, 0
    while True:
        for records in (await kafka.getmany(timeout_ms=1000, max_records=5000)).values():
            events = [decode(record.value) for record in records]
            count += len(events)
        await memory.set("loop", count)
        if count:
            await kafka.commit()


async def plain(kafka: AIOKafkaConsumer, memory: Redis) -> None:
    """Read, change and write the state of one user, commit, and so on."""
    decode, weigh, recency = msgspec.json.Decoder(Event).decode, KindWeights(), Recency()
    table, count, dtype = products(), 0, row_type(DIM)
    while True:
        record: ConsumerRecord = await kafka.getone()
        event = decode(record.value)
        key = f"loop:{event.user_id}"
        rows = decode_rows([await memory.get(key)], dtype, 1)
        kinds = np.array([Kind[event.kind.upper()]], dtype=np.uint8)
        batch = Behaviors(
            offsets=np.array([record.offset]),
            people=np.zeros(1, dtype=np.int64),
            products=np.array([product_name(event.tenant, event.product_id)], dtype=np.uint64),
            kinds=kinds,
            times=np.array([milliseconds(event.occurred_at)]),
            weights=weigh.of(kinds, np.full(1, np.nan)),
            events=names([event.event_id]),
        )
        fold_one_by_one(rows, batch, table, recency)
        await memory.set(key, encode_rows(rows)[0])
        await kafka.commit()
        count += 1
        await memory.set("loop", count)


def milliseconds(at: str) -> int:
    return (datetime.fromisoformat(at) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def products() -> ProductTable:
    """The loop folds the same state; what it knows of products does not change its cost."""
    return ProductTable(DIM)


if __name__ == "__main__":
    asyncio.run(main())
