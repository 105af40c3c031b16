"""Reading what was written, whichever replica applied it."""

from __future__ import annotations

import asyncio

import pytest

from chassis.kafka import Position, Progress, Source
from chassis.kafka.freshness import Freshness
from chassis.rpc import deadline

TOPIC, PRODUCTS = "attune.clickstream.v1", "attune.product-vectors.v1"


class Held:
    """Offsets in the store that the replicas share."""

    def __init__(self) -> None:
        self.next: dict[tuple[str, str, int], int] = {}

    async def applied(self, log: str, topic: str, partition: int) -> int | None:
        return self.next.get((log, topic, partition))


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
async def progress() -> Progress:
    made = Progress()
    made.consumes([TOPIC, PRODUCTS])
    made.lives({TOPIC: "life", PRODUCTS: "life"})
    await made.applied(Source("life", PRODUCTS, 0), 1)
    deadline.start(0.2)
    return made


async def test_what_this_replica_applied_is_reached(progress: Progress, held: Held) -> None:
    await progress.applied(Source("life", TOPIC, 1), 8)
    assert await Freshness(progress, held, [TOPIC]).reached([Position(TOPIC, 1, 7)])


async def test_what_another_replica_applied_is_reached(progress: Progress, held: Held) -> None:
    waiting = asyncio.create_task(Freshness(progress, held, [TOPIC]).reached([Position(TOPIC, 1, 7)]))
    await asyncio.sleep(0)
    held.next["life", TOPIC, 1] = 8
    assert await waiting


async def test_offsets_of_another_life_of_the_log_do_not_count(progress: Progress, held: Held) -> None:
    held.next["earlier life", TOPIC, 1] = 1_000
    assert not await Freshness(progress, held, [TOPIC]).reached([Position(TOPIC, 1, 7)])


async def test_what_every_replica_reads_for_itself_is_not_looked_up(progress: Progress, held: Held) -> None:
    held.next["life", PRODUCTS, 0] = 1_000
    assert not await Freshness(progress, held, [TOPIC]).reached([Position(PRODUCTS, 0, 7)])


async def test_nothing_asked_for_is_always_reached(progress: Progress, held: Held) -> None:
    assert await Freshness(progress, held, [TOPIC]).reached([])
