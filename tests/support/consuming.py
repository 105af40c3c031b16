"""What tests of consumers send and remember."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

from aiokafka import AIOKafkaConsumer

from attune.events.v1.clickstream_pb2 import ClickstreamEvent
from chassis.kafka import (
    Consumer,
    Position,
    Producer,
    Progress,
    Rejected,
    Slice,
)

CLICKS = "attune.clickstream.v1"
Consume = Callable[..., AbstractAsyncContextManager[tuple[Consumer, Progress]]]
Handle = Callable[[Slice[ClickstreamEvent]], Awaitable[Sequence[tuple[int, Rejected]]]]


class Sink:
    """Remembers which events of its own test were applied; other tests write to the same topic."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.seen: list[str] = []

    async def handle(self, part: Slice[ClickstreamEvent]) -> Sequence[tuple[int, Rejected]]:
        self.seen += [item.value.event_id for item in part.items if item.value and item.value.tenant == self.run]
        return []


def click(run: str, event_id: str, user: str = "u1", **more: object) -> dict[str, object]:
    return {
        "event_id": event_id,
        "tenant": run,
        "user_id": user,
        "kind": "view",
        "product_id": "p1",
        "occurred_at": "2026-01-31T12:00:00Z",
        **more,
    }


async def send(producer: Producer, *values: object, key: str = "u1") -> list[Position]:
    raw = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in values]
    return [await producer.send_raw(CLICKS, key, each, {}) for each in raw]


async def dead(kafka: str, position: Position) -> dict[str, str]:
    """The headers of the dead letter of the record at `position`."""
    reader = AIOKafkaConsumer(CLICKS + ".dead", bootstrap_servers=kafka, auto_offset_reset="earliest")
    await reader.start()
    try:
        async with asyncio.timeout(10):
            async for letter in reader:
                headers = {name: value.decode() for name, value in letter.headers}
                if (int(headers["dead-partition"]), int(headers["dead-offset"])) == (
                    position.partition,
                    position.offset,
                ):
                    return headers
    finally:
        await reader.stop()
    raise AssertionError
