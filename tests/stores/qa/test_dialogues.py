"""What is remembered of conversations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from qa.domain.answer import Answer, Citation, Outcome
from qa.domain.dialogue import Turn
from qa.domain.identity import Person
from qa.domain.score import Score, Term
from qa.stores.redis import RedisDialogues
from qa.usecases.ports import MemoryAway

DAYS = {"lifetime": timedelta(days=30), "events_for": timedelta(days=14), "forgotten_for": timedelta(days=30)}


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def store(redis: Redis) -> RedisDialogues:
    return RedisDialogues(redis, **DAYS)


@pytest.fixture
def ann(tenant: str) -> Person:
    return Person(tenant, "ann")


def turn(question: str, at: float = 100.0, event_id: str = "") -> Turn:
    score = Score((Term("sim(q,a).dense", 0.5, 1.8),))
    cited = Citation("e", "f", "How?", "source", "en", score)
    answer = Answer("So.", "en", Outcome.DIRECT, 0.9, (cited,), ("p",), 0.5)
    return Turn(0, at, question, question, answer, event_id)


async def test_someone_who_never_asked_has_no_conversation(store: RedisDialogues, ann: Person) -> None:
    assert (await store.read(ann, "")).turns == ()
    assert (await store.read(ann, "d")).turns == ()


async def test_turns_are_numbered_and_come_back_as_they_were(store: RedisDialogues, ann: Person) -> None:
    assert [await store.add(ann, "d", turn(f"q{n}", 100.0 + n)) for n in (1, 2)] == [1, 2]
    first, second = (await store.read(ann, "d")).turns
    assert (first.number, first.question, second.question) == (1, "q1", "q2")
    assert first.answer == turn("q1").answer


async def test_the_last_conversation_is_the_one_asked_in_last(store: RedisDialogues, ann: Person) -> None:
    for name, at in (("one", 100.0), ("two", 200.0), ("one", 300.0)):
        await store.add(ann, name, turn("q", at))
    assert (await store.read(ann, "")).dialogue_id == "one"


async def test_twenty_turns_are_kept_and_numbers_go_on(store: RedisDialogues, ann: Person) -> None:
    for n in range(25):
        await store.add(ann, "d", turn(f"q{n}", 100.0 + n))
    kept = (await store.read(ann, "d")).turns
    assert [each.number for each in kept] == list(range(6, 26))


async def test_a_conversation_lives_thirty_days_after_its_last_turn(
    store: RedisDialogues, redis: Redis, ann: Person
) -> None:
    await store.add(ann, "d", turn("q"))
    left = await redis.ttl(f"dialogue:{{t/{ann.tenant}/ann}}:d")
    assert 29 * 86_400 < left <= 30 * 86_400


async def test_an_event_makes_one_turn(store: RedisDialogues, ann: Person) -> None:
    numbers = [await store.add(ann, "d", turn("q", event_id="event")) for _ in range(3)]
    assert numbers == [1, 1, 1]
    assert len((await store.read(ann, "d")).turns) == 1


async def test_an_answer_counts_as_published_only_when_it_was(store: RedisDialogues, ann: Person) -> None:
    assert not await store.answered(ann, "event")
    await store.add(ann, "d", turn("q", event_id="event"))
    assert not await store.answered(ann, "event")
    await store.publish(ann, "event")
    assert await store.answered(ann, "event")
    assert await store.add(ann, "d", turn("q", event_id="event")) == 1


async def test_a_forgotten_person_has_nothing_left_and_is_not_brought_back_by_an_old_question(
    store: RedisDialogues, redis: Redis, ann: Person
) -> None:
    await store.add(ann, "one", turn("q", 100.0, "event"))
    await store.add(ann, "two", turn("q", 101.0))
    assert await store.forget(ann, 200.0) == 2
    assert await store.forget(ann, 150.0) == 0
    assert await store.add(ann, "one", turn("q", 199.0)) == 0
    assert not await store.answered(ann, "event")
    left = [key async for key in redis.scan_iter(f"dialogue:{{t/{ann.tenant}/*")]
    assert left == [f"dialogue:{{t/{ann.tenant}/ann}}#gone".encode()]


async def test_a_forgotten_person_may_begin_anew(store: RedisDialogues, ann: Person) -> None:
    await store.forget(ann, 200.0)
    assert await store.add(ann, "d", turn("q", 201.0)) == 1


async def test_names_with_braces_stay_apart(store: RedisDialogues, tenant: str) -> None:
    odd, plain = Person(tenant, "a}:b"), Person(tenant, "a")
    await store.add(odd, "c", turn("odd"))
    assert (await store.read(plain, "b}:c")).turns == ()
    await store.forget(plain, 1_000.0)
    assert (await store.read(odd, "c")).turns[0].question == "odd"


async def test_an_engine_that_is_away_is_an_outage_in_our_own_words(ann: Person) -> None:
    nobody = Redis.from_url("redis://127.0.0.1:1/0")
    with pytest.raises(MemoryAway):
        await RedisDialogues(nobody, **DAYS).read(ann, "d")
    await nobody.aclose()
