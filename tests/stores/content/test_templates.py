"""Templates are remembered, whichever replica wrote them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from redis.asyncio import Redis

from content.domain.gaps import Template
from content.stores.templates_redis import RedisTemplates
from content.usecases.ports import MemoryAway, Span


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    connection = Redis.from_url(redis_url)
    yield connection
    await connection.aclose()


@pytest.fixture
def span(tenant: str) -> Callable[..., Span]:
    """A piece of a topic of this test's own, up to an offset."""
    return lambda next_offset, log="log": Span(log, f"{tenant}.templates", 0, next_offset)


@pytest.fixture
def made(tenant: str) -> Callable[..., Template]:
    def make(template_id: str, channel: str = "push", body: str = "{title}", of: str = tenant) -> Template:
        return Template(of, template_id, channel, "en", body, 90, "price")

    return make


async def test_a_template_is_there_as_it_was_put(
    redis: Redis, tenant: str, made: Callable[..., Template], span: Callable[..., Span]
) -> None:
    store = RedisTemplates(redis)
    await store.apply(span(3), [(0, made("b")), (1, made("a")), (2, made("c", "sms"))])
    assert await store.of_channel(tenant, "push") == [made("a"), made("b")]


async def test_a_shop_without_templates_has_none(redis: Redis, tenant: str) -> None:
    assert await RedisTemplates(redis).of_channel(tenant, "push") == []


async def test_a_newer_state_replaces_the_older_also_on_another_channel(
    redis: Redis, tenant: str, made: Callable[..., Template], span: Callable[..., Span]
) -> None:
    store = RedisTemplates(redis)
    await store.apply(span(1), [(0, made("a"))])
    await store.apply(span(2), [(1, made("a", "sms", "{brand}"))])
    assert await store.of_channel(tenant, "push") == []
    assert await store.of_channel(tenant, "sms") == [made("a", "sms", "{brand}")]


async def test_a_replica_sees_what_another_one_wrote(
    redis: Redis, tenant: str, made: Callable[..., Template], span: Callable[..., Span]
) -> None:
    one, other = RedisTemplates(redis), RedisTemplates(redis)
    assert await other.of_channel(tenant, "push") == []
    await one.apply(span(1), [(0, made("a"))])
    assert await other.of_channel(tenant, "push") == [made("a")]
    await one.apply(span(2), [(1, "a")])
    assert await other.of_channel(tenant, "push") == []


async def test_shops_do_not_see_each_others_templates(
    redis: Redis, tenant: str, made: Callable[..., Template], span: Callable[..., Span]
) -> None:
    store = RedisTemplates(redis)
    await store.apply(span(2), [(0, made("a")), (1, made("b", of=f"{tenant}x"))])
    assert await store.of_channel(tenant, "push") == [made("a")]


async def test_changes_of_one_template_take_effect_in_their_order(
    redis: Redis, tenant: str, made: Callable[..., Template], span: Callable[..., Span]
) -> None:
    store = RedisTemplates(redis)
    await store.apply(span(3), [(0, made("a")), (1, "a"), (2, made("a", body="{brand}"))])
    assert await store.of_channel(tenant, "push") == [made("a", body="{brand}")]


async def test_a_replica_that_lost_the_partition_puts_nothing_old_over_what_is_newer(
    redis: Redis, tenant: str, made: Callable[..., Template], span: Callable[..., Span]
) -> None:
    owner, former = RedisTemplates(redis), RedisTemplates(redis)
    await owner.apply(span(3), [(0, made("a")), (1, made("a", body="{brand}")), (2, "b")])
    await former.apply(span(1), [(0, made("a"))])
    await former.apply(span(2), [(0, "a"), (1, made("b"))])
    assert await owner.of_channel(tenant, "push") == [made("a", body="{brand}")]
    await former.apply(span(4), [(0, "a"), (3, made("c"))])  # it overlaps: only what is new counts
    assert await owner.of_channel(tenant, "push") == [made("a", body="{brand}"), made("c")]


async def test_offsets_of_another_life_of_the_log_are_not_mistaken_for_old_ones(
    redis: Redis, tenant: str, made: Callable[..., Template], span: Callable[..., Span]
) -> None:
    store = RedisTemplates(redis)
    await store.apply(span(9), [(8, made("a"))])
    await store.apply(span(1, log="new life"), [(0, made("a", body="{brand}"))])
    assert await store.of_channel(tenant, "push") == [made("a", body="{brand}")]


async def test_redis_that_is_away_is_told_as_such(tenant: str) -> None:
    nobody = Redis.from_url("redis://127.0.0.1:1/0")
    with pytest.raises(MemoryAway, match="does not answer"):
        await RedisTemplates(nobody).of_channel(tenant, "push")
    await nobody.aclose()
