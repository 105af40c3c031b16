"""A store that came back without its last writes is filled again from the log."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import pytest
from aiokafka import TopicPartition
from consuming import Consume, Sink, click, send

from attune.events.v1.clickstream_pb2 import ClickstreamEvent
from chassis.kafka import (
    Producer,
    Rejected,
    Rewound,
    Slice,
    Source,
)


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

    async with consume(handle, resume=resume, holds=resume) as (_, progress):
        sent = await send(producer, click(run, "e0"), click(run, "e1"))
        assert await progress.reached(sent)
        sink.seen.clear()
        stored.update({source: sent[0].offset for source in stored if source.partition == sent[0].partition})
        for _ in range(1_000):
            if len(sink.seen) == len(sent):
                break
            await asyncio.sleep(0.01)
    assert sink.seen == ["e0", "e1"]


async def test_a_slice_that_a_client_of_an_engine_cancelled_is_applied_all_the_same(
    producer: Producer, run: str, consume: Consume
) -> None:
    """Some clients pass on the end of a task of their own as if ours were to end."""
    sink, ended = Sink(run), []

    async def handle(part: Slice[ClickstreamEvent]) -> Sequence[tuple[int, Rejected]]:
        if not ended:
            ended.append(part.next_offset)
            raise asyncio.CancelledError
        return await sink.handle(part)

    async with consume(handle) as (_, progress):
        for number in range(3):
            assert await progress.reached(await send(producer, click(run, f"e{number}")))
    assert ended
    assert sink.seen == ["e0", "e1", "e2"]


async def test_what_comes_after_a_slice_that_is_left_at_a_stop_is_left_too(
    producer: Producer, run: str, consume: Consume, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client polls on while the consumer says goodbye; a later slice must not move the store past a left one."""
    sink, held, polled, late = Sink(run), asyncio.Event(), asyncio.Event(), f"{run}-after"

    async def handle(part: Slice[ClickstreamEvent]) -> Sequence[tuple[int, Rejected]]:
        ours = {item.value.event_id for item in part.items if item.value and item.value.tenant == run}
        if "held" in ours:
            held.set()
            await asyncio.Event().wait()
        if late in ours:
            polled.set()
        return await sink.handle(part)

    async with consume(handle) as (consumer, progress):
        assert await progress.reached(await send(producer, click(run, "before")))
        await send(producer, click(run, "held"))
        await held.wait()

        async def slow() -> None:  # as a coordinator that takes its time
            await send(producer, click(run, late))
            front = consumer._front
            while not any(late.encode() in r.value for each in front.polled.values() for r in each):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)

        monkeypatch.setattr(consumer, "_commit", slow)
        async with asyncio.timeout(10):
            await consumer.finish()
        monkeypatch.undo()
    assert not polled.is_set()
    assert sink.seen == ["before"]


async def test_records_that_could_not_be_taken_are_asked_for_again(
    producer: Producer, run: str, consume: Consume, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a client raises: it would go on after them, and nobody would know."""
    sink, failed = Sink(run), []

    async with consume(sink.handle) as (consumer, progress):
        sent = await send(producer, click(run, "e0"))
        assert await progress.reached(sent)

        async def broken(tp: TopicPartition) -> int:
            failed.append(tp)
            monkeypatch.undo()
            raise IndexError

        lane = next(each for each in consumer._lanes.values() if each.source.partition == sent[0].partition)
        lane.taken -= 1  # as where compaction or a transaction left an offset out: it is asked whether one is missing
        lane.done -= 1
        monkeypatch.setattr(consumer, "_begin_of", broken)
        assert await progress.reached(await send(producer, click(run, "e1"), click(run, "e2")))
    assert failed
    assert sink.seen == ["e0", "e1", "e2"]
