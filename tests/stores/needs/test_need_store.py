"""What every store of needs promises."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from redis.asyncio import Redis

from needs.domain.identity import Person, name
from needs.domain.links import Links
from needs.domain.shop_record import ShopRecord
from needs.domain.weights import TextKind
from needs.domain.words import Text, Words
from needs.stores.redis import PartitionsChanged, RedisNeedStore
from needs.usecases import Changes, MemoryAway, Page, Span, Wanted

DIM, SPACE, PARTITION = 8, "test@1", 3


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url, socket_timeout=5)
    yield client
    await client.aclose()


@pytest.fixture
def store(redis: Redis) -> RedisNeedStore:
    return RedisNeedStore(redis, dim=DIM, space=SPACE, forgotten_for=timedelta(days=30))


@pytest.fixture
def ann(tenant: str) -> Person:
    return Person(tenant, "ann")


@pytest.fixture
def span(tenant: str) -> Callable[..., Span]:
    """A piece of a topic of this test's own."""

    def make(next_offset: int, log: str = "life 1") -> Span:
        return Span(log, f"{tenant}.clicks", PARTITION, next_offset)

    return make


def adds(people: Sequence[Person], count: int = 1) -> Callable[[Page], Changes]:
    """Behaviours, as far as a store can tell."""

    def decide(page: Page) -> Changes:
        page.rows["kept"] += count
        return Changes(rows=(people, page.rows))

    return decide


async def kept(store: RedisNeedStore, person: Person) -> int:
    return int((await store.read(PARTITION, person)).row["kept"])


async def test_of_someone_unknown_nothing_is_remembered(store: Any, ann: Person) -> None:
    memory = await store.read(PARTITION, ann)
    assert (int(memory.row["kept"]), memory.words, memory.record) == (0, Words(), None)


async def test_what_was_written_is_read_again(store: Any, ann: Person, span: Any) -> None:
    said = Text("green tea", TextKind.SEARCH, 5, 1.0, 2**63 + 1, "en")
    record = ShopRecord("zh", "CN", "gold", {"marketing": True}, {"size": "L"}, 7)

    def decide(page: Page) -> Changes:
        page.rows["kept"], page.rows["tail"] = 4, np.arange(DIM)
        return Changes(rows=([ann], page.rows), words={ann: page.words[ann].add([said])}, records={ann: record})

    assert await store.update(span(10), Wanted([ann], rows=True, words_of=[ann]), decide) == {ann}
    memory = await store.read(PARTITION, ann)
    assert (int(memory.row["kept"]), memory.row["tail"].tolist()) == (4, list(range(DIM)))
    assert (memory.words, memory.record) == (Words((said,), 1), record)


async def test_a_span_that_comes_again_changes_nothing(store: Any, ann: Person, span: Any) -> None:
    assert await store.update(span(10), Wanted([ann], rows=True), adds([ann])) == {ann}
    assert await store.update(span(10), Wanted([ann], rows=True), adds([ann])) == set()
    assert await kept(store, ann) == 1


async def test_of_a_span_that_overlaps_the_decision_sees_what_is_applied(store: Any, ann: Person, span: Any) -> None:
    seen: list[int] = []

    def look(page: Page) -> Changes:
        seen.append(page.applied)
        return Changes()

    await store.update(span(10), Wanted([]), look)
    await store.update(span(15), Wanted([ann], rows=True), look)
    assert seen == [0, 10]


async def test_offsets_of_another_life_of_the_log_are_not_old_ones(store: Any, ann: Person, span: Any) -> None:
    await store.update(span(1_000), Wanted([ann], rows=True), adds([ann]))
    assert await store.update(span(3, "life 2"), Wanted([ann], rows=True), adds([ann])) == {ann}
    assert await kept(store, ann) == 2
    assert await store.applied("life 1", span(0).topic, PARTITION) is None
    assert await store.applied("life 2", span(0).topic, PARTITION) == 3


async def test_two_owners_at_once_write_everything_once(store: Any, ann: Person, span: Any) -> None:
    async def own() -> None:
        for offset in range(1, 21):
            await store.update(span(offset), Wanted([ann], rows=True), adds([ann]))

    await asyncio.gather(own(), own(), own())
    assert await kept(store, ann) == 20


async def test_a_decision_that_fails_writes_nothing_and_breaks_nothing(store: Any, ann: Person, span: Any) -> None:
    def fail(_page: Page) -> Changes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.update(span(10), Wanted([ann], rows=True), fail)
    assert await store.update(span(10), Wanted([ann], rows=True), adds([ann])) == {ann}


async def test_forgetting_tells_what_there_was_and_may_be_repeated(store: Any, ann: Person, span: Any) -> None:
    await store.update(span(1), Wanted([ann], rows=True), adds([ann]))
    assert await store.forget(PARTITION, ann, 500, Links()) == {
        "redis need": 1,
        "redis need words": 0,
        "redis need shop record": 0,
        "redis need links": 0,
    }
    assert sum((await store.forget(PARTITION, ann, 400, Links())).values()) == 0
    told: list[Any] = []
    await store.update(span(2), Wanted([ann], rows=True), lambda page: told.append(page.forgotten) or Changes())
    assert told == [{ann: 500}]  # the later wish holds
    assert await kept(store, ann) == 0


async def test_a_batch_that_had_read_a_person_reads_again_after_they_were_forgotten(
    store: Any, redis_url: str, ann: Person, span: Any
) -> None:
    pages: list[Page] = []

    async def forget() -> None:
        async with Redis.from_url(redis_url) as client:
            other = RedisNeedStore(client, dim=DIM, space=SPACE, forgotten_for=timedelta(days=30))
            await other.forget(PARTITION, ann, 500, Links())

    def decide(page: Page) -> Changes:
        pages.append(page)
        if len(pages) == 1:  # another process is asked to forget her between our reading and our writing
            elsewhere = threading.Thread(target=lambda: asyncio.run(forget()))
            elsewhere.start()
            elsewhere.join()
        return Changes() if page.forgotten else adds([ann])(page)

    await store.update(span(1), Wanted([ann], rows=True), decide)
    assert [dict(page.forgotten) for page in pages] == [{}, {ann: 500}]
    assert await kept(store, ann) == 0


async def test_an_erasure_of_the_log_removes_all_of_a_person(store: Any, ann: Person, span: Any) -> None:
    await store.update(span(1), Wanted([ann], rows=True), adds([ann]))
    await store.update(span(2), Wanted([ann]), lambda _page: Changes(forget={ann: 700}))
    assert await kept(store, ann) == 0
    assert sum((await store.forget(PARTITION, ann, 1, Links())).values()) == 0


async def test_who_wanted_to_be_forgotten_is_remembered_as_long_as_old_events_may_come(
    store: Any, redis: Redis, ann: Person, span: Any
) -> None:
    days = timedelta(days=30) // timedelta(milliseconds=1)
    key = f"need:{{{PARTITION}}}:#gone"
    await store.forget(PARTITION, ann, 500, Links())
    assert days - 60_000 < await redis.pttl(key) <= days
    await redis.pexpire(key, 1_000_000)  # most of that time has gone by
    await store.update(span(1), Wanted([ann]), lambda _page: Changes(forget={ann: 700}))
    assert days - 60_000 < await redis.pttl(key) <= days


async def test_shops_with_records_are_told(store: Any, ann: Person, span: Any) -> None:
    await store.update(span(1), Wanted([ann]), lambda _page: Changes(records={ann: ShopRecord(tier="gold")}))
    shops: list[Any] = []
    await store.update(span(2), Wanted([ann], shops=True), lambda page: shops.append(page.shops) or Changes())
    assert ann.tenant in shops[0]
    await store.update(span(3), Wanted([ann]), lambda _page: Changes(records={ann: None}))
    assert (await store.read(PARTITION, ann)).record is None


async def test_links_are_kept_with_everything_else_and_read_with_it(store: Any, ann: Person, span: Any) -> None:
    links = Links().add(["anon:1", "anon:2"])
    seen: list[Links] = []

    def sign_in(page: Page) -> Changes:
        seen.append(page.links[ann])
        return Changes(links={ann: links})

    assert await store.update(span(1), Wanted([ann], links_of=[ann]), sign_in) == {ann}
    await store.update(span(2), Wanted([ann], rows=True, words_of=[ann], links_of=[ann]), sign_in)
    assert seen == [Links(), links]
    assert (await store.read(PARTITION, ann)).links == await store.links(PARTITION, ann) == links


async def test_who_has_signed_in_meanwhile_is_not_forgotten_with_the_links_known_before(
    store: Any, ann: Person, span: Any
) -> None:
    links = Links().add(["anon:1"])
    await store.update(span(1), Wanted([ann], rows=True), adds([ann]))
    await store.update(span(2), Wanted([ann]), lambda _page: Changes(links={ann: links}))
    assert await store.forget(PARTITION, ann, 500, Links()) is None
    assert await kept(store, ann) == 1
    assert (await store.forget(PARTITION, ann, 500, links))["redis need links"] == 1
    assert await store.links(PARTITION, ann) == Links()


async def test_no_users_name_reaches_the_key_of_another(store: Any, tenant: str, span: Any) -> None:
    odd = [Person(tenant, user) for user in ("a", "a/b", "}:a", ":w", "w:t/a", "#off", "{0}", "用户", " ")]
    await store.update(span(1), Wanted(odd, rows=True), adds(odd))
    assert [await kept(store, person) for person in odd] == [1] * len(odd)


async def test_every_change_of_row_or_words_changes_the_stamp(store: Any, ann: Person, span: Any) -> None:
    stamps = [await store.stamp(PARTITION, ann)]
    await store.update(span(1), Wanted([ann], rows=True), adds([ann]))
    stamps.append(await store.stamp(PARTITION, ann))
    said = Text("tea", TextKind.SEARCH, 5, 1.0, name("e"), "en")
    await store.update(span(2), Wanted([ann]), lambda _page: Changes(words={ann: Words((said,), 1)}))
    stamps.append(await store.stamp(PARTITION, ann))
    await store.update(span(3), Wanted([ann]), lambda _page: Changes(links={ann: Links(("anon:1",))}))
    stamps.append(await store.stamp(PARTITION, ann))
    assert len({stamp for stamp, _ in stamps}) == 4
    assert stamps[-1][1] == Links(("anon:1",))


async def test_another_number_of_partitions_is_refused(store: Any) -> None:
    await store.lay_out(4)
    await store.lay_out(4)
    with pytest.raises(PartitionsChanged, match="replay the log"):
        await store.lay_out(5)


async def test_a_store_that_is_away_says_so() -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:1/0", socket_timeout=0.5)
    store = RedisNeedStore(nowhere, dim=DIM, space=SPACE, forgotten_for=timedelta(days=30))
    with pytest.raises(MemoryAway) as away:
        await store.read(0, Person("shop", uuid.uuid4().hex))
    assert "ATTUNE_REDIS_URL" in away.value.remedy
    with pytest.raises(MemoryAway):
        await store.forget(0, Person("shop", "ann"), 1, Links())
    await nowhere.aclose()
