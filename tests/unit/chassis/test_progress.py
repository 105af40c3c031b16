"""A reader may wait for its own writes."""

from __future__ import annotations

import asyncio

import pytest

from chassis.kafka import Position, Progress, Source
from chassis.rpc import deadline

CLICKS = "attune.clickstream.v1"


@pytest.fixture
def progress() -> Progress:
    made = Progress()
    made.consumes([CLICKS])
    return made


async def test_a_position_is_reached_once_it_is_applied(progress: Progress) -> None:
    waiting = asyncio.create_task(progress.reached([Position(CLICKS, 0, 4)]))
    await progress.applied(Source("life", CLICKS, 0), 4)
    await asyncio.sleep(0)
    assert not waiting.done()
    await progress.applied(Source("life", CLICKS, 0), 5)
    assert await waiting


async def test_waiting_ends_with_the_deadline_of_the_caller(progress: Progress) -> None:
    deadline.start(0.05)
    assert not await progress.reached([Position(CLICKS, 0, 4)])


async def test_topics_of_other_services_are_not_waited_for(progress: Progress) -> None:
    assert await progress.reached([Position("attune.catalog.v1", 0, 10**9)])


async def test_offsets_of_an_earlier_life_of_the_log_do_not_count(progress: Progress) -> None:
    await progress.applied(Source("first life", CLICKS, 0), 1000)
    await progress.applied(Source("second life", CLICKS, 0), 1)
    deadline.start(0.05)
    assert not await progress.reached([Position(CLICKS, 0, 500)])
    assert progress.positions() == [Position(CLICKS, 0, 0, "second life")]


async def test_progress_never_goes_back_within_a_life(progress: Progress) -> None:
    await progress.applied(Source("life", CLICKS, 0), 10)
    await progress.applied(Source("life", CLICKS, 0), 3)
    assert progress.positions() == [Position(CLICKS, 0, 9, "life")]
