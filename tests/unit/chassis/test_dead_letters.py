"""Dead letters: one for each refused record, whatever is in it, and never a partition that stands still for one."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from consuming import CLICKS, dead

from chassis.kafka import Decoded, Position, Producer, Progress, Record, Rejected, Route, Slice, Source
from chassis.kafka.dead_letters import DeadLetters
from chassis.kafka.letters import letters_of
from chassis.kafka.worker import Worker
from chassis.settings import ProcessSettings

USUAL = 1_048_576  # bytes a broker takes of a record unless it is told otherwise
_offsets = itertools.count(uuid.uuid4().int >> 80, 10)  # of records of this run alone, a few for each test


@pytest.fixture
def offset() -> int:
    return next(_offsets)


@pytest.fixture
def source(run: str) -> Source:
    return Source(run, CLICKS, 0)


def record(offset: int, value: bytes | None = b"{}", key: str = "u1", **headers: str) -> Record:
    return Record(offset, key, value, headers, 0)


def letters(producer: Producer, service: str = "test") -> DeadLetters:
    return DeadLetters(producer, service=service, max_bytes=1_000_000)


def worker(route: Route[Any], producer: Producer, settings: ProcessSettings) -> Worker:
    return Worker(route, service="test", settings=settings, dead_letters=letters(producer), progress=Progress())


def test_a_refusal_is_short_however_much_is_wrong() -> None:
    why = Rejected("invalid-field", field="attributes[" + "x" * 500_000, value="y" * 500_000, remedy="z; " * 500_000)
    assert len(why.field) + len(why.value) + len(why.remedy) + len(str(why)) < 3_000


@pytest.mark.parametrize(
    ("value", "key", "headers"),
    [
        (b"v" * 999_000, "u1", {"trace": "h" * 49_000}),
        (b"v" * 10, "u1", {"trace": "h" * 1_048_000}),
        (b"v" * 10, "k" * 1_048_000, {}),
        (b"v" * 3_000_000, "u1", {}),
    ],
    ids=["a long value and headers", "long headers", "a long key", "a value that is too large"],
)
async def test_what_is_too_large_for_a_letter_is_cut(
    kafka: str, source: Source, offset: int, value: bytes, key: str, headers: dict[str, str]
) -> None:
    usual = Producer(kafka, max_request_bytes=USUAL)
    await usual.start()
    await letters(usual).write(source, record(offset, value, key, **headers), Rejected("bad"))
    await usual.stop()
    letter = await dead(kafka, Position(CLICKS, 0, offset))
    assert letter["dead-original-bytes"] == str(len(value))


async def test_a_letter_is_whole_where_it_fits(kafka: str, producer: Producer, source: Source, offset: int) -> None:
    await letters(producer).write(source, record(offset, b"v" * 900_000, trace="t"), Rejected("bad"))
    letter = await dead(kafka, Position(CLICKS, 0, offset))
    assert "dead-original-bytes" not in letter
    assert letter["trace"] == "t"


async def test_only_letters_of_the_own_service_count_as_written(
    kafka: str, producer: Producer, source: Source, offset: int
) -> None:
    await letters(producer, "other").write(source, record(offset), Rejected("bad"))
    await letters(producer).write(source, record(offset + 1), Rejected("bad"))
    assert await letters_of(kafka, "test", source, 0) == {offset + 1}
    assert await letters_of(kafka, "other", source, 0) == {offset}
    assert await letters_of(kafka, "test", source, offset + 2) == set()


async def test_what_others_write_among_the_letters_is_passed_over(kafka: str, producer: Producer) -> None:
    source = Source("life", "attune.templates.v1", 0)
    ours = {"dead-service": "test", "dead-log": "life", "dead-partition": "0"}
    for foreign in ({}, ours, ours | {"dead-offset": "soon"}, ours | {"dead-offset": "9" * 5_000}):
        await producer.send_raw("attune.templates.v1.dead", None, b"", foreign)
    assert await letters_of(kafka, "test", source, 0) == set()


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_record_that_breaks_the_decoder_is_refused_and_its_neighbours_are_applied(
    kafka: str, producer: Producer, settings: ProcessSettings, source: Source, offset: int, *, at_once: bool
) -> None:
    def decode(given: Record) -> bytes:
        if given.value == b"bomb":
            raise RecursionError
        return given.value or b""

    def decode_slice(records: Sequence[Record]) -> tuple[Sequence[Decoded[bytes]], list[tuple[int, Rejected]]]:
        return [Decoded(each.offset, each.key or "", decode(each)) for each in records], []

    async def handle(part: Slice[bytes]) -> Sequence[tuple[int, Rejected]]:
        seen.extend(item.value for item in part.items)
        return []

    seen: list[bytes | None] = []
    route = Route(CLICKS, None, handle, decode_slice=decode_slice) if at_once else Route(CLICKS, decode, handle)
    values = [b"before", b"bomb", b"after"]
    await worker(route, producer, settings).apply_surely(
        source, [record(offset + place, value) for place, value in enumerate(values)]
    )
    assert seen == [b"before", b"after"]
    assert (await dead(kafka, Position(CLICKS, 0, offset + 1)))["dead-reason"] == "decoder-error"


async def test_the_letter_of_a_record_that_breaks_the_handler_is_there_before_the_store_is_past_it(
    kafka: str, producer: Producer, settings: ProcessSettings, source: Source, offset: int
) -> None:
    """As a store does that keeps its own offsets: what it is past it never looks at again."""
    applied, away = 0, iter([ConnectionError("away")])

    async def handle(part: Slice[bytes]) -> Sequence[tuple[int, Rejected]]:
        nonlocal applied
        fresh = [item for item in part.items if item.offset >= applied]
        if any(item.value == b"bomb" for item in fresh):
            raise ZeroDivisionError
        if fresh and fresh[-1].value == b"after":
            for error in away:  # right after the store went past the bomb
                raise error
        applied = part.next_offset
        return []

    route = Route(CLICKS, lambda given: given.value, handle)
    await worker(route, producer, settings).apply_surely(
        source, [record(offset, b"bomb"), record(offset + 1, b"after")]
    )
    assert applied == offset + 2
    assert (await dead(kafka, Position(CLICKS, 0, offset)))["dead-reason"] == "handler-error"
