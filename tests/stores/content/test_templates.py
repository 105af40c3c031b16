"""Templates are remembered, whichever replica wrote them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from redis.asyncio import Redis

from content.domain.gaps import Template
from content.stores.templates_redis import RedisTemplates
from content.usecases.ports import MemoryAway


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    connection = Redis.from_url(redis_url)
    yield connection
    await connection.aclose()


@pytest.fixture
def made(tenant: str) -> Callable[..., Template]:
    def make(template_id: str, channel: str = "push", body: str = "{title}", of: str = tenant) -> Template:
        return Template(of, template_id, channel, "en", body, 90, "price")

    return make


async def test_a_template_is_there_as_it_was_put(redis: Redis, tenant: str, made: Callable[..., Template]) -> None:
    store = RedisTemplates(redis)
    await store.put([made("b"), made("a"), made("c", "sms")])
    assert await store.of_channel(tenant, "push") == [made("a"), made("b")]


async def test_a_shop_without_templates_has_none(redis: Redis, tenant: str) -> None:
    assert await RedisTemplates(redis).of_channel(tenant, "push") == []


async def test_a_newer_state_replaces_the_older_also_on_another_channel(
    redis: Redis, tenant: str, made: Callable[..., Template]
) -> None:
    store = RedisTemplates(redis)
    await store.put([made("a")])
    await store.put([made("a", "sms", "{brand}")])
    assert await store.of_channel(tenant, "push") == []
    assert await store.of_channel(tenant, "sms") == [made("a", "sms", "{brand}")]


async def test_a_replica_sees_what_another_one_wrote(redis: Redis, tenant: str, made: Callable[..., Template]) -> None:
    one, other = RedisTemplates(redis), RedisTemplates(redis)
    assert await other.of_channel(tenant, "push") == []
    await one.put([made("a")])
    assert await other.of_channel(tenant, "push") == [made("a")]
    await one.remove("a")
    assert await other.of_channel(tenant, "push") == []


async def test_shops_do_not_see_each_others_templates(redis: Redis, tenant: str, made: Callable[..., Template]) -> None:
    store = RedisTemplates(redis)
    await store.put([made("a"), made("b", of=f"{tenant}x")])
    assert await store.of_channel(tenant, "push") == [made("a")]


async def test_redis_that_is_away_is_told_as_such(tenant: str) -> None:
    nobody = Redis.from_url("redis://127.0.0.1:1/0")
    with pytest.raises(MemoryAway, match="does not answer"):
        await RedisTemplates(nobody).of_channel(tenant, "push")
    await nobody.aclose()
