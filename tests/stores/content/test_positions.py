"""How far the log is in the stores, whichever replica wrote it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from redis.asyncio import Redis

from chassis.kafka import Source
from content.handlers import CLICKS
from content.resume import resume
from content.stores.positions_redis import RedisPositions
from content.usecases.learn import Steps
from content.usecases.ports import Span


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[RedisPositions]:
    redis = Redis.from_url(redis_url)
    yield RedisPositions(redis)
    await redis.aclose()


@pytest.fixture
def span(tenant: str) -> Callable[..., Span]:
    """A piece of a topic of this test's own, up to an offset."""
    return lambda next_offset, log="log", begins=0: Span(log, f"{tenant}.clicks", 0, next_offset, begins)


async def test_of_a_log_that_was_never_read_nothing_is_known(store: RedisPositions, tenant: str) -> None:
    assert await store.applied("log", f"{tenant}.clicks", 0) is None
    assert await store.sure("log", f"{tenant}.clicks", 0) is None


async def test_a_replica_knows_what_another_one_has_applied(
    store: RedisPositions, span: Callable[..., Span], redis_url: str
) -> None:
    other = Redis.from_url(redis_url)
    await store.reached(span(7), None)
    assert await RedisPositions(other).applied("log", span(7).topic, 0) == 7
    assert await RedisPositions(other).applied("", span(7).topic, 0) == 7
    await other.aclose()


async def test_who_is_late_takes_nothing_back(store: RedisPositions, span: Callable[..., Span]) -> None:
    await store.reached(span(7), 5)
    await store.reached(span(3), 2)
    assert await store.applied("log", span(7).topic, 0) == 7
    assert await store.sure("log", span(7).topic, 0) == 5


async def test_another_life_of_the_log_begins_anew(store: RedisPositions, span: Callable[..., Span]) -> None:
    await store.reached(span(7), 5)
    await store.reached(span(2, log="new life"), None)
    assert await store.applied("log", span(7).topic, 0) is None
    assert await store.applied("new life", span(7).topic, 0) == 2
    assert await store.sure("new life", span(7).topic, 0) == 0


async def test_a_span_is_sure_once_a_later_one_is_done(store: RedisPositions, span: Callable[..., Span]) -> None:
    """Until then its refused records may not be in the dead letters, and have to come again."""
    steps = Steps(store)
    await steps.done(span(4))
    assert await store.sure("log", span(4).topic, 0) == 0
    await steps.done(span(4))  # tried again
    assert await store.sure("log", span(4).topic, 0) == 0
    await steps.done(span(9, begins=4))
    assert await store.sure("log", span(9).topic, 0) == 4


async def test_a_piece_that_comes_again_with_more_makes_nothing_sure(
    store: RedisPositions, span: Callable[..., Span]
) -> None:
    """A partition that was taken away and given back is read again from what was sure."""
    steps = Steps(store)
    await steps.done(span(4))
    await steps.done(span(9, begins=4))
    await steps.done(span(12, begins=4))
    assert await store.sure("log", span(9).topic, 0) == 4
    await steps.done(span(15, begins=12))
    assert await store.sure("log", span(9).topic, 0) == 12


async def test_the_log_is_read_on_from_what_is_sure_and_state_is_read_anew_where_redis_has_none(
    store: RedisPositions, span: Callable[..., Span], tenant: str
) -> None:
    steps = Steps(store)
    for begins, offset in ((0, 4), (4, 9)):
        await steps.done(span(offset, begins=begins))
    known, state = Source("log", span(9).topic, 0), Source("log", f"{tenant}.templates", 1)
    assert await resume(store, [known, state]) == {known: 4, state: 0}
    assert await resume(store, [Source(tenant, CLICKS, 0)]) == {}  # Kafka knows how far those are
