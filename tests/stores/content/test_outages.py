"""A Redis that is slow, refuses or answers with errors loses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from proxy import Proxy
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from content.domain.appeals import Response
from content.domain.composition import Composition, Outcome
from content.domain.customer import Person
from content.domain.gaps import Template
from content.stores.compositions_redis import RedisCompositions
from content.stores.experiments_redis import RedisExperiments
from content.stores.templates_redis import RedisTemplates
from content.usecases.ports import Happened, MemoryAway, Span

NOW = 1_750_000_000_000
LATE, PATIENCE = 2.5, 1.0  # seconds


@pytest.fixture
def proxy(redis_url: str) -> Iterator[Proxy]:
    made = Proxy(urlsplit(redis_url).port or 6379)
    yield made
    made.close()


@pytest.fixture
async def redis(proxy: Proxy) -> AsyncIterator[Redis]:
    """A Redis behind the proxy, for a client that gives up soon, after one more try."""
    client = Redis.from_url(f"redis://{proxy.address}/0", socket_timeout=PATIENCE, retry=Retry(NoBackoff(), 1))
    yield client
    await client.aclose()


def outcomes(tenant: str, count: int) -> list[Happened]:
    person = Person(tenant, "ada")
    return [Happened(at, f"e{at}", person, Outcome.CLICK, "c", "push.en", "a", NOW + at) for at in range(count)]


async def test_what_was_written_though_its_reply_was_lost_counts_once(proxy: Proxy, redis: Redis, tenant: str) -> None:
    experiments, month = RedisExperiments(redis, lambda: NOW), timedelta(days=30)
    people = RedisCompositions(redis, lambda: NOW, lifetime=month, forgotten_for=month)
    span, counted = Span("log", "clicks", 0, 40), outcomes(tenant, 40)
    await experiments.open(tenant, "push.en", ["a"])
    await experiments.get(tenant, "push.en")
    proxy.latency = LATE
    with pytest.raises(MemoryAway):
        await experiments.count(span, tenant, "push.en", [(each, "new") for each in counted])
    with pytest.raises(MemoryAway):
        await people.respond(span, {counted[0].person: [(each, "price") for each in counted]})
    proxy.latency = 0.0
    for _ in range(2):
        await experiments.count(span, tenant, "push.en", [(each, "new") for each in counted])
        await people.respond(span, {counted[0].person: [(each, "price") for each in counted]})
    found = await experiments.get(tenant, "push.en")
    assert found is not None
    assert found.total("a").clicks == 40
    assert await people.responses(counted[0].person) == {"price": Response(0, 40)}


async def test_after_a_lost_reply_no_command_reads_the_reply_of_another(
    proxy: Proxy, redis: Redis, tenant: str
) -> None:
    store, span = RedisTemplates(redis), Span("log", f"{tenant}.templates", 0, 1)
    template = Template(tenant, "a", "push", "en", "{title}", 90, "price")
    proxy.latency = LATE
    with pytest.raises(MemoryAway):
        await store.apply(span, [(0, template)])
    proxy.latency = 0.0
    await store.apply(span, [(0, template)])
    found = await asyncio.gather(*(store.of_channel(tenant, channel) for channel in ("push", "sms") * 10))
    assert found == [[template], []] * 10


@pytest.mark.parametrize(
    "answer",
    [
        "LOADING Redis is loading the dataset in memory",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
        "READONLY You can't write against a read only replica.",
        "CLUSTERDOWN The cluster is down",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "NOREPLICAS Not enough good replicas to write.",
        "ERR max number of clients reached",
    ],
)
async def test_a_redis_that_takes_no_writes_now_is_told_as_away(
    proxy: Proxy, redis: Redis, tenant: str, answer: str
) -> None:
    month = timedelta(days=30)
    store = RedisCompositions(redis, lambda: NOW, lifetime=month, forgotten_for=month)
    said = Composition("c", "push.en", "a", "new", "price", "kettle", 0.5, NOW)
    proxy.set("error", error=answer)
    with pytest.raises(MemoryAway):
        await store.remember(Person(tenant, "ada"), said)
    proxy.set("pass")
    await redis.connection_pool.disconnect()
    assert await store.remember(Person(tenant, "ada"), said)
