"""What was said to a person is remembered until they want to be forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from content.domain.appeals import Response
from content.domain.composition import Composition, Outcome
from content.domain.customer import Person
from content.stores.compositions_redis import RedisCompositions
from content.stores.names import person_key
from content.usecases.ports import Forgotten, Happened, Span

NOW = 1_750_000_000_000
DAY = 86_400_000
SAID = Composition("c1", "push.en", "a", "new", "price", "kettle", 0.5, NOW)
ONE = Span("log", "attune.clickstream.v1", 0, 1)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    connection = Redis.from_url(redis_url)
    yield connection
    await connection.aclose()


@pytest.fixture
def store(redis: Redis) -> RedisCompositions:
    month = timedelta(days=30)
    return RedisCompositions(redis, lambda: NOW, lifetime=month, forgotten_for=month)


@pytest.fixture
def ada(tenant: str) -> Person:
    return Person(tenant, "ada}:made{")  # as odd as the contract allows


def click(person: Person, at: int = NOW, event: str = "e") -> Happened:
    return Happened(0, event, person, Outcome.CLICK, "c1", "push.en", "a", at)


async def test_a_composition_is_found_by_person_and_id(store: RedisCompositions, ada: Person) -> None:
    assert await store.remember(ada, SAID)
    assert await store.find([(ada, "c1"), (ada, "c2"), (Person(ada.tenant, "bob"), "c1")]) == [SAID, None, None]
    assert await store.find([]) == []


async def test_only_the_latest_compositions_are_kept(store: RedisCompositions, ada: Person) -> None:
    for number in range(205):
        await store.remember(ada, replace(SAID, composition_id=f"c{number}", at=NOW + number))
    assert await store.find([(ada, "c4"), (ada, "c5")]) == [None, replace(SAID, composition_id="c5", at=NOW + 5)]
    await store.remember(ada, replace(SAID, composition_id="later", at=NOW + 31 * DAY))
    assert await store.find([(ada, "c200")]) == [None]


async def test_responses_are_counted_by_appeal_and_once(store: RedisCompositions, ada: Person) -> None:
    for _ in range(2):
        await store.respond(ONE, {ada: [(click(ada), "price")]})
    assert await store.responses(ada) == {"price": Response(0, 1)}


async def test_all_of_a_person_goes_and_older_events_do_not_bring_it_back(
    store: RedisCompositions, redis: Redis, ada: Person
) -> None:
    await store.remember(ada, SAID)
    await store.respond(ONE, {ada: [(click(ada), "price")]})
    assert await store.forget(ada, NOW + 1) == Forgotten(compositions=1, responses=1)
    assert not await store.remember(ada, SAID)
    await store.respond(replace(ONE, next_offset=2), {ada: [(replace(click(ada, event="e2"), offset=1), "price")]})
    assert await store.find([(ada, "c1")]) == [None]
    assert await store.responses(ada) == {}
    left = [key async for key in redis.scan_iter(f"composition:*{ada.tenant}*")]
    assert left == [person_key(ada, "gone").encode()]
    assert ada.user.encode() not in left[0]


async def test_a_wish_that_comes_again_leaves_alone_who_came_back(store: RedisCompositions, ada: Person) -> None:
    await store.forget(ada, NOW)
    back = replace(SAID, at=NOW + 1)
    await store.remember(ada, back)
    assert await store.forget(ada, NOW) == Forgotten()
    assert await store.find([(ada, "c1")]) == [back]


async def test_who_comes_back_is_remembered_again(store: RedisCompositions, ada: Person) -> None:
    await store.forget(ada, NOW)
    assert await store.remember(ada, replace(SAID, at=NOW + 1))
    await store.respond(ONE, {ada: [(click(ada, at=NOW + 2), "price")]})
    assert await store.responses(ada) == {"price": Response(0, 1)}


async def test_the_later_wish_to_be_forgotten_stands(store: RedisCompositions, ada: Person) -> None:
    await store.forget(ada, NOW + 5)
    await store.forget(ada, NOW)
    assert not await store.remember(ada, replace(SAID, at=NOW + 3))


async def test_what_is_remembered_ends_after_its_lifetime(store: RedisCompositions, redis: Redis, ada: Person) -> None:
    await store.remember(ada, SAID)
    left = await redis.pttl(person_key(ada, "made"))
    assert 29 * DAY < left <= 30 * DAY
