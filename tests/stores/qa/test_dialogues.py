"""What is remembered of conversations."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import blake2b

import pytest
from ports import free_port
from redis import Redis as SyncRedis
from redis.asyncio import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from qa.domain.answer import Answer, Citation, Outcome
from qa.domain.dialogue import Turn
from qa.domain.identity import Person
from qa.domain.score import Score, Term
from qa.stores.redis import CLAIM_MS, MOST_DIALOGUES, RedisDialogues
from qa.usecases.ports import FORGOTTEN, REPEATED, Forgotten, MemoryAway, Noted, Span, Told

DAYS = {"lifetime": timedelta(days=30), "events_for": timedelta(days=14), "forgotten_for": timedelta(days=30)}


def key_of(person: Person) -> str:
    """What the keys of a person begin with; the user id is not in it."""
    return f"dialogue:{{t/{person.tenant}/{blake2b(person.user.encode(), digest_size=16).hexdigest()}}}"


@pytest.fixture(scope="session")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster of one: whatever touches two slots at once is refused."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server on PATH")
    port = _port()
    options = ["--cluster-enabled", "yes", "--save", "", "--dir", str(tmp_path_factory.mktemp("cluster"))]
    command = [program, "--port", str(port), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            with SyncRedis(port=port, retry=Retry(ConstantBackoff(0.05), 200), decode_responses=True) as client:
                client.execute_command("CLUSTER", "ADDSLOTS", *range(16_384))
                while "cluster_state:ok" not in str(client.execute_command("CLUSTER", "INFO")):
                    pass
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.terminate()


def _port() -> int:
    """A free one that leaves room for the port of the cluster's own talk, 10,000 above it."""
    while True:
        port = free_port()
        if port < 55_000:
            return port


@pytest.fixture(params=["redis_url", "real_redis_url", "cluster_url"])
def url(request: pytest.FixtureRequest) -> str:
    """The bundled Redis, that of production, and a cluster."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
async def redis(url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(url)
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
    left = await redis.ttl(f"{key_of(ann)}:d")
    assert 29 * 86_400 < left <= 30 * 86_400


async def test_an_event_makes_one_turn(store: RedisDialogues, ann: Person) -> None:
    numbers = [await store.add(ann, "d", turn("q", event_id="event")) for _ in range(3)]
    assert numbers == [1, REPEATED, REPEATED]
    assert len((await store.read(ann, "d")).turns) == 1


async def test_an_answer_is_owed_from_the_step_that_kept_it_until_it_is_settled(
    store: RedisDialogues, ann: Person
) -> None:
    assert await store.noted(ann, "event") == Noted(seen=False)
    await store.add(ann, "d", turn("before"))
    await store.add(ann, "d", turn("q", event_id="event"))
    owed = Told(ann, "d", replace(turn("q", event_id="event"), number=2))
    assert await store.noted(ann, "event") == Noted(seen=True, owed=owed)
    await store.settle(ann, "event")
    assert await store.noted(ann, "event") == Noted(seen=True)
    assert await store.add(ann, "d", turn("q", event_id="event")) == REPEATED


async def test_one_publishes_an_answer_at_a_time_and_who_kept_it_comes_first(
    store: RedisDialogues, redis: Redis, ann: Person
) -> None:
    await store.add(ann, "d", turn("q", event_id="event"))
    assert not await store.claim(ann, "event")
    left = await redis.pttl(f"{key_of(ann)}#claim:event")
    assert 0 < left <= CLAIM_MS
    await redis.delete(f"{key_of(ann)}#claim:event")  # as time does it
    assert await store.claim(ann, "event")
    assert not await store.claim(ann, "event")
    await store.settle(ann, "event")
    assert await store.claim(ann, "event")


async def test_a_forgotten_person_has_nothing_left_and_is_not_brought_back_by_an_old_question(
    store: RedisDialogues, redis: Redis, ann: Person
) -> None:
    await store.add(ann, "one", turn("q", 100.0, "event"))
    await store.add(ann, "two", turn("q", 101.0))
    assert await store.forget(ann, 200.0) == Forgotten(dialogues=2, owed=1, events=1)
    assert await store.forget(ann, 150.0) == Forgotten(0, 0, 0)
    assert await store.add(ann, "one", turn("q", 199.0)) == FORGOTTEN
    assert await store.noted(ann, "event") == Noted(seen=False)
    left = [key async for key in redis.scan_iter(f"dialogue:{{t/{ann.tenant}/*")]
    key = key_of(ann)
    assert set(left) == {f"{key}#gone".encode()}


async def test_a_wish_that_comes_late_leaves_what_was_asked_after_it(store: RedisDialogues, ann: Person) -> None:
    await store.add(ann, "d", turn("old", 100.0, "old event"))
    await store.add(ann, "d", turn("new", 300.0, "new event"))
    assert await store.forget(ann, 200.0) == Forgotten(dialogues=1, owed=1, events=1)
    assert [each.question for each in (await store.read(ann, "")).turns] == ["new"]
    assert (await store.noted(ann, "new event")).owed is not None


async def test_a_person_who_begins_too_many_conversations_loses_the_oldest(
    store: RedisDialogues, redis: Redis, ann: Person
) -> None:
    for n in range(MOST_DIALOGUES + 5):
        await store.add(ann, f"d{n}", turn("q", 100.0 + n))
    assert (await store.read(ann, "d4")).turns == ()
    assert len((await store.read(ann, "d5")).turns) == 1
    assert len([key async for key in redis.scan_iter(f"{key_of(ann)}:*")]) == MOST_DIALOGUES


async def test_a_clock_that_jumps_hides_no_conversation_from_erasure(
    store: RedisDialogues, redis: Redis, ann: Person
) -> None:
    now, far = 1_700_000_000.0, 4_000_000_000.0
    for name, at in (("present", now), ("future", far), ("past", 1.0)):
        await store.add(ann, name, turn("q", at))
    assert (await store.forget(ann, far + 1)).dialogues == 3
    assert [key async for key in redis.scan_iter(f"{key_of(ann)}:*")] == []


async def test_how_far_a_topic_is_applied_only_grows_within_a_life_of_the_log(
    store: RedisDialogues, tenant: str
) -> None:
    assert await store.applied("life", tenant, 0) is None
    for log, offset in (("life", 7), ("life", 3)):
        await store.reach(Span(log, tenant, 0, offset))
    assert await store.applied("life", tenant, 0) == 7
    assert await store.applied("next|life", tenant, 0) is None
    await store.reach(Span("next|life", tenant, 0, 2))
    assert (await store.applied("next|life", tenant, 0), await store.applied("life", tenant, 0)) == (2, None)


async def test_reading_goes_on_where_redis_stands_and_begins_anew_in_another_life_of_the_log(
    store: RedisDialogues, tenant: str
) -> None:
    assert await store.stands("life", tenant, 0) is None
    await store.reach(Span("life", tenant, 0, 7))
    assert (await store.stands("life", tenant, 0), await store.stands("next life", tenant, 0)) == (7, 0)


async def test_every_answer_that_is_owed_is_found_with_the_one_who_asked(store: RedisDialogues, ann: Person) -> None:
    await store.add(ann, "d", turn("q", event_id="event"))
    await store.add(ann, "d", turn("q", event_id="settled"))
    await store.settle(ann, "settled")
    owed = [(told.person, told.dialogue_id, told.turn.event_id) async for told in store.owing()]
    assert [each for each in owed if each[0] == ann] == [(ann, "d", "event")]


async def test_a_redis_that_was_started_anew_has_another_name(store: RedisDialogues) -> None:
    assert await store.run() == await store.run() != ""


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
