"""Commands of one moment share a round trip, and each gets its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from content.stores.together import Together


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    connection = Redis.from_url(redis_url)
    yield connection
    await connection.aclose()


async def test_commands_are_answered_in_their_order_and_one_that_fails_spoils_no_other(
    redis: Redis, tenant: str
) -> None:
    together = Together(redis)
    answers = await asyncio.gather(
        together.ask("SET", tenant, 1),
        together.ask("HGETALL", tenant),
        together.ask("GET", tenant),
        return_exceptions=True,
    )
    assert answers[0] is True
    assert isinstance(answers[1], ResponseError)
    assert answers[2] == b"1"


async def test_who_stops_waiting_leaves_the_answers_of_the_others_alone(redis: Redis, tenant: str) -> None:
    together = Together(redis)
    await redis.set(tenant, "here")
    given_up, kept = (asyncio.create_task(together.ask(*each)) for each in (("GET", "nothing"), ("GET", tenant)))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await kept == b"here"
    assert given_up.cancelled()


async def test_a_script_that_redis_does_not_know_is_sent_in_full(redis: Redis, tenant: str) -> None:
    script = redis.register_script(f"return redis.call('SET', KEYS[1], ARGV[1]) -- {tenant}")
    for _ in range(2):
        await Together(redis).run(script, [tenant], ["x"])
    assert await redis.get(tenant) == b"x"
