"""Batches from a real broker: nothing lost, nothing stalled by one bad record."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from consuming import CLICKS, Consume, Sink, click, dead, send

from attune.events.v1.clickstream_pb2 import ClickstreamEvent
from chassis.kafka import (
    Position,
    Producer,
    Rejected,
    Slice,
    Source,
)


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


async def test_a_long_slice_is_applied_in_parts_and_what_is_done_of_it_counts(
    producer: Producer, run: str, consume: Consume
) -> None:
    sink, gate, parts = Sink(run), asyncio.Event(), list[int]()
    values = [json.dumps(click(run, f"e{n}")).encode() for n in range(5)]
    sent = await asyncio.gather(*(producer.send_raw(CLICKS, "u1", value, {}) for value in values))  # in one batch

    async def handle(part: Slice[ClickstreamEvent]) -> Sequence[tuple[int, Rejected]]:
        if any(item.value and item.value.event_id == "e4" and item.value.tenant == run for item in part.items):
            await gate.wait()
        parts.append(len(part.items))
        return await sink.handle(part)

    async with consume(handle, at_once=2) as (_, progress):
        assert await progress.reached(sent[3:4])
        gate.set()
        assert await progress.reached(sent[4:])
    assert sink.seen == [f"e{n}" for n in range(5)]
    assert max(parts) == 2


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


@pytest.mark.parametrize("serves_behind", [False, True])
async def test_an_engine_that_is_away_makes_a_service_unready_unless_it_serves_without(
    producer: Producer, run: str, consume: Consume, *, serves_behind: bool
) -> None:
    tried, away = asyncio.Event(), [True]
    sink = Sink(run)

    async def handle(part: Slice[ClickstreamEvent]) -> Sequence[tuple[int, Rejected]]:
        tried.set()
        if away:
            raise ConnectionError
        return await sink.handle(part)

    async with consume(handle, serves_behind=serves_behind) as (consumer, progress):
        sent = await send(producer, click(run, "e0"))
        await tried.wait()
        for lane in consumer._lanes.values():
            lane.busy_since = lane.busy_since and lane.busy_since - 3_600
        assert consumer.alive() is serves_behind
        away.clear()
        assert await progress.reached(sent)
        assert consumer.alive()
