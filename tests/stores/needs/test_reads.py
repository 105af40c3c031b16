"""Many callers read at once, each what it asked for."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from needs.stores.connection import Connections, connection
from needs.stores.reads import Reads
from needs.usecases import MemoryAway


async def test_each_of_many_callers_gets_what_it_asked_for(redis_url: str, tenant: str) -> None:
    async with Redis.from_url(redis_url, socket_timeout=5) as redis:
        await redis.mset({f"{tenant}/{i}": str(i) for i in range(300)})
        reads = Reads(Connections(redis))
        found = await asyncio.gather(*(reads.get(f"{tenant}/{i}", f"{tenant}/none") for i in range(300)))
    assert found == [[str(i).encode(), None] for i in range(300)]


async def test_a_caller_that_leaves_takes_no_other_with_it(redis_url: str, tenant: str) -> None:
    async with Redis.from_url(redis_url, socket_timeout=5) as redis:
        await redis.set(tenant, "here")
        reads = Reads(Connections(redis))
        leaving, staying = (asyncio.create_task(reads.get(tenant)) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await staying == [b"here"]


async def test_a_store_that_is_away_is_told_to_all_who_wait_and_to_who_comes_later() -> None:
    async with Redis.from_url("redis://127.0.0.1:1/0", socket_timeout=0.5) as nowhere:
        reads = Reads(Connections(nowhere))
        told = await asyncio.gather(*(reads.get("key") for _ in range(3)), return_exceptions=True)
        assert [type(each) for each in told] == [MemoryAway] * 3
        with pytest.raises(MemoryAway):
            await reads.get("key")


async def test_a_command_that_fails_does_not_spoil_the_reads_after_it(redis_url: str, tenant: str) -> None:
    async with Redis.from_url(redis_url, socket_timeout=5) as redis:
        await redis.set(tenant, "here")
        reads = Reads(Connections(redis))
        with pytest.raises(MemoryAway):
            await reads.get()  # MGET of nothing
        assert await reads.get(tenant) == [b"here"]


async def test_who_is_not_answered_in_time_is_told_so_and_later_reads_are_answered(redis_url: str, tenant: str) -> None:
    async with Redis.from_url(redis_url) as other, Redis.from_url(redis_url, socket_timeout=0.2) as redis:
        await other.set(tenant, "here")
        reads = Reads(Connections(redis))
        assert await reads.get(tenant) == [b"here"]
        await other.client_pause(1_000)
        with pytest.raises(MemoryAway, match="TimeoutError"):
            await asyncio.gather(reads.get(tenant), reads.get(tenant))
        await other.client_unpause()
        assert await reads.get(tenant) == [b"here"]


async def test_a_connection_that_was_lost_between_two_reads_is_made_again(redis_url: str, tenant: str) -> None:
    async with Redis.from_url(redis_url) as other, Redis.from_url(redis_url, socket_timeout=5) as redis:
        await other.set(tenant, "here")
        reads = Reads(Connections(redis))
        for _ in range(3):
            assert await reads.get(tenant) == [b"here"]
            await other.client_kill_filter(_type="normal", skipme=True)
            await asyncio.sleep(0.05)


async def test_a_connection_is_kept_after_its_use_and_left_after_an_error(redis_url: str, tenant: str) -> None:
    async with Redis.from_url(redis_url, socket_timeout=5) as redis:
        connections = Connections(redis)
        ids = []
        for fails in (False, True, False):
            try:
                async with connection(connections) as one:
                    ids += await one.together(("CLIENT", "ID"))
                    await one.together(("MGET",) if fails else ("GET", tenant))
            except MemoryAway:
                assert fails
        assert ids[0] == ids[1] != ids[2]
