"""Batches from a real broker: nothing lost, nothing stalled by one bad record."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from faststream.kafka import KafkaBroker

from attune.events.v1.clickstream_pb2 import ClickstreamEvent
from chassis.kafka import (
    Consumer,
    Position,
    Producer,
    Progress,
    Rejected,
    Rewound,
    Route,
    Slice,
    Source,
    proto_decoder,
)
from chassis.kafka.dead_letters import DeadLetters
from chassis.settings import ProcessSettings

CLICKS = "attune.clickstream.v1"
Handle = Callable[[Slice[ClickstreamEvent]], Awaitable[Sequence[tuple[int, Rejected]]]]


class Sink:
    """Remembers which events of its own test were applied; other tests write to the same topic."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.seen: list[str] = []

    async def handle(self, part: Slice[ClickstreamEvent]) -> Sequence[tuple[int, Rejected]]:
        self.seen += [item.value.event_id for item in part.items if item.value and item.value.tenant == self.run]
        return []


@pytest.fixture
def run() -> str:
    return f"r{uuid.uuid4().hex[:8]}"


@pytest.fixture
def settings(kafka: str) -> ProcessSettings:
    return ProcessSettings(
        kafka=kafka,
        session_timeout=timedelta(seconds=3),
        retry_first=timedelta(milliseconds=5),
        retries_before_isolation=2,
    )


@pytest.fixture
async def producer(kafka: str) -> AsyncIterator[Producer]:
    made = Producer(kafka, max_request_bytes=4_000_000)
    await made.start()
    yield made
    await made.stop()


Consume = Callable[..., AbstractAsyncContextManager[tuple[Consumer, Progress]]]


@pytest.fixture
def consume(settings: ProcessSettings, producer: Producer, run: str) -> Consume:
    @asynccontextmanager
    async def running(handle: Handle, *, group: str | None = run, **more: Any) -> AsyncIterator[Any]:
        consumer = Consumer(
            [Route(CLICKS, proto_decoder(ClickstreamEvent), handle)], group=group, name="clicks", **more
        )
        progress = Progress()
        broker = KafkaBroker(settings.kafka, logger=None, allow_auto_create_topics=False)
        dead_letters = DeadLetters(producer, service="test", max_bytes=settings.max_record_bytes)
        consumer.attach(broker, settings, service="test", dead_letters=dead_letters, progress=progress)
        await broker.start()
        await consumer.begin()
        try:
            yield consumer, progress
        finally:
            await consumer.finish()
            await broker.stop()

    return running


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


async def test_every_record_is_applied_in_the_order_of_its_key(producer: Producer, run: str, consume: Consume) -> None:
    sink = Sink(run)
    async with consume(sink.handle) as (_, progress):
        positions = await send(producer, *(click(run, f"e{n}") for n in range(50)))
        assert await progress.reached(positions[-1:])
    assert sink.seen == [f"e{n}" for n in range(50)]


@pytest.mark.parametrize(
    ("bad", "reason", "field"),
    [
        (b"{not json", "malformed-json", ""),
        ({"kind": "teleport"}, "unknown-enum", "kind"),
        ({"user_id": ["u1"]}, "wrong-type", "user_id"),
        ({"user_id": ""}, "invalid-field", "user_id"),
        ({"event_id": "\x07"}, "invalid-field", "event_id"),
        (b"x" * 2_000_000, "too-large", "value"),
    ],
)
async def test_a_bad_record_goes_to_the_dead_letters_and_its_neighbours_are_applied(
    kafka: str, producer: Producer, run: str, consume: Consume, bad: Any, reason: str, field: str
) -> None:
    sink = Sink(run)
    bad = click(run, "bad") | bad if isinstance(bad, dict) else bad
    async with consume(sink.handle) as (_, progress):
        positions = await send(producer, click(run, "before"), bad, click(run, "after"))
        assert await progress.reached(positions[-1:])
    assert sink.seen == ["before", "after"]
    letter = await dead(kafka, positions[1])
    assert (letter["dead-reason"], letter["dead-field"]) == (reason, field)
    assert letter["dead-remedy"]
    assert letter["dead-service"] == "test"


async def test_a_sink_that_fails_for_a_while_loses_nothing(producer: Producer, run: str, consume: Consume) -> None:
    sink, failures = Sink(run), iter([ConnectionError("away")] * 6)

    async def handle(part: Slice[ClickstreamEvent]) -> Sequence[tuple[int, Rejected]]:
        for error in failures:
            raise error
        return await sink.handle(part)

    async with consume(handle) as (_, progress):
        positions = await send(producer, *(click(run, f"e{n}") for n in range(3)))
        assert await progress.reached(positions[-1:])
    assert sink.seen == ["e0", "e1", "e2"]


async def test_a_record_that_breaks_the_handler_is_found_and_the_others_are_applied(
    kafka: str, producer: Producer, run: str, consume: Consume
) -> None:
    sink = Sink(run)

    async def handle(part: Slice[ClickstreamEvent]) -> Sequence[tuple[int, Rejected]]:
        if any(item.value and item.value.event_id == "bomb" and item.value.tenant == run for item in part.items):
            raise ZeroDivisionError
        return await sink.handle(part)

    async with consume(handle) as (_, progress):
        positions = await send(producer, click(run, "before"), click(run, "bomb"), click(run, "after"))
        assert await progress.reached(positions[-1:])
    assert sink.seen == ["before", "after"]
    assert (await dead(kafka, positions[1]))["dead-reason"] == "handler-error"


async def test_what_the_handler_refuses_goes_to_the_dead_letters(
    kafka: str, producer: Producer, run: str, consume: Consume
) -> None:
    async def handle(part: Slice[ClickstreamEvent]) -> Sequence[tuple[int, Rejected]]:
        mine = [item.offset for item in part.items if item.value and item.value.tenant == run]
        return [(offset, Rejected("unknown-product", field="product_id", remedy="load it")) for offset in mine]

    async with consume(handle) as (_, progress):
        positions = await send(producer, click(run, "e1"))
        assert await progress.reached(positions)
    assert (await dead(kafka, positions[0]))["dead-remedy"] == "load it"


async def test_a_slow_partition_does_not_hold_up_the_others(producer: Producer, run: str, consume: Consume) -> None:
    gate, sink = asyncio.Event(), Sink(run)
    slow = (await send(producer, click(run, "slow", "a"), key="a"))[0]
    for other in map(str, range(50)):
        elsewhere = (await send(producer, click(run, "elsewhere", other), key=other))[0]
        if elsewhere.partition != slow.partition:
            break

    async def handle(part: Slice[ClickstreamEvent]) -> Sequence[tuple[int, Rejected]]:
        if part.source.partition == slow.partition:
            await gate.wait()
        return await sink.handle(part)

    async with consume(handle) as (_, progress):
        quick = await send(producer, *(click(run, f"quick{n}", other) for n in range(3)), key=other)
        assert await progress.reached(quick[-1:])
        assert "slow" not in sink.seen
        gate.set()
        assert await progress.reached([slow])
    assert "slow" in sink.seen


async def test_a_store_that_keeps_offsets_itself_decides_where_reading_goes_on(
    producer: Producer, run: str, consume: Consume
) -> None:
    sink = Sink(run)
    positions = await send(producer, *(click(run, f"e{n}") for n in range(4)))

    async def resume(sources: Sequence[Source]) -> dict[Source, int]:
        return {each: positions[2].offset for each in sources if each.partition == positions[2].partition}

    async with consume(sink.handle, resume=resume) as (_, progress):
        assert await progress.reached(positions[-1:])
    assert sink.seen == ["e2", "e3"]


async def test_a_group_goes_on_where_it_was_committed(producer: Producer, run: str, consume: Consume) -> None:
    first, second = Sink(run), Sink(run)
    async with consume(first.handle) as (_, progress):
        assert await progress.reached(await send(producer, click(run, "e1")))
    async with consume(second.handle) as (_, progress):
        assert await progress.reached(await send(producer, click(run, "e2")))
    assert (first.seen, second.seen) == (["e1"], ["e2"])


async def test_without_a_group_everything_is_read_from_the_beginning(
    producer: Producer, run: str, consume: Consume
) -> None:
    await send(producer, click(run, "e1"))
    sink = Sink(run)
    async with consume(sink.handle, group=None) as (consumer, _):
        assert await consumer.caught_up(within=10)
        assert consumer.alive()
    assert sink.seen == ["e1"]


async def test_a_header_that_is_no_text_loses_nothing(kafka: str, run: str, consume: Consume) -> None:
    sink = Sink(run)
    raw = AIOKafkaProducer(bootstrap_servers=kafka)
    await raw.start()
    async with consume(sink.handle) as (_, progress):
        value = json.dumps(click(run, "e1")).encode()
        sent = await raw.send_and_wait(CLICKS, value, b"u1", headers=[("trace", b"\xff\xfe"), ("odd", None)])
        assert await progress.reached([Position(CLICKS, sent.partition, sent.offset)])
    await raw.stop()
    assert sink.seen == ["e1"]


async def test_what_a_store_lost_is_read_again(producer: Producer, run: str, consume: Consume) -> None:
    sink, lost = Sink(run), []

    async def handle(part: Slice[ClickstreamEvent]) -> Sequence[tuple[int, Rejected]]:
        if not lost and len(sink.seen) == 3:
            lost.append(part.begins)
            sink.seen.clear()
            raise Rewound(first.offset)
        return await sink.handle(part)

    async with consume(handle) as (_, progress):
        sent = [(await send(producer, click(run, f"e{n}")))[0] for n in range(3)]
        first = sent[0]
        assert await progress.reached(sent)
        assert await progress.reached(await send(producer, click(run, "e3")))
    assert sink.seen == ["e0", "e1", "e2", "e3"]
    assert lost == [sent[-1].offset + 1]


async def test_what_a_store_lost_is_read_again_when_nothing_new_comes(
    producer: Producer, run: str, consume: Consume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.kafka.consumer._LOOK", 0.05)
    sink, stored = Sink(run), dict[Source, int]()

    async def handle(part: Slice[ClickstreamEvent]) -> Sequence[tuple[int, Rejected]]:
        stored[part.source] = part.next_offset
        return await sink.handle(part)

    async def resume(sources: Collection[Source]) -> dict[Source, int]:
        return {source: stored.get(source, 0) for source in sources}

    async with consume(handle, resume=resume, exact=True) as (_, progress):
        sent = await send(producer, click(run, "e0"), click(run, "e1"))
        assert await progress.reached(sent)
        sink.seen.clear()
        stored.update({source: sent[0].offset for source in stored if source.partition == sent[0].partition})
        for _ in range(1_000):
            if len(sink.seen) == len(sent):
                break
            await asyncio.sleep(0.01)
    assert sink.seen == ["e0", "e1"]
