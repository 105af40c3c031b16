"""Forgetting someone under all ids they had, whatever dies or happens in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from redis.asyncio import Redis

from needs.domain.identity import Person
from needs.domain.links import Links
from needs.stores.redis import RedisNeedStore
from needs.usecases import Changes, Forget, LogAway, Page, Span, Wanted

ASKED = 1_000  # when they wished to be forgotten


class Told:
    """A log that remembers whom it was told to forget; `before` happens first."""

    def __init__(self) -> None:
        self.wishes: list[tuple[str, int]] = []
        self.before: Callable[[], Awaitable[None]] | None = None

    async def spread(self, people: Sequence[Person], at: int) -> None:
        if self.before is not None:
            happens, self.before = self.before, None
            await happens()
        self.wishes += [(person.user, at) for person in people]


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[RedisNeedStore]:
    client = Redis.from_url(redis_url, socket_timeout=5)
    yield RedisNeedStore(client, dim=8, space="test@1", forgotten_for=timedelta(days=30))
    await client.aclose()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def forget(store: Any, told: Told) -> Forget:
    return Forget(store, told, 1, lambda _people: None)


@pytest.fixture
def ann(tenant: str) -> Person:
    return Person(tenant, "ann")


@pytest.fixture
def signed_in(store: Any, ann: Person, tenant: str) -> Callable[..., Awaitable[None]]:
    """Ann signs in with these ids, each of whom had done something."""
    offset = iter(range(1, 1_000))

    async def sign_in(*ids: str) -> None:
        everybody = [ann, *(Person(tenant, user) for user in ids)]

        def decide(page: Page) -> Changes:
            page.rows["kept"] += 1
            return Changes(rows=(everybody, page.rows), links={ann: page.links[ann].add(ids)})

        span = Span("life 1", f"{tenant}.clicks", 0, next(offset))
        await store.update(span, Wanted(everybody, rows=True, links_of=[ann]), decide)

    return sign_in


@pytest.fixture
def left(store: Any, tenant: str) -> Callable[..., Awaitable[list[str]]]:
    """Of whom something is remembered."""

    async def look(*users: str) -> list[str]:
        found = [(user, await store.read(0, Person(tenant, user))) for user in users]
        return [user for user, memory in found if int(memory.row["kept"]) or memory.links.ids]

    return look


def wish(tenant: str, next_offset: int = 1) -> Span:
    return Span("life 1", f"{tenant}.erasures", 0, next_offset)


async def test_all_ids_are_forgotten_and_the_others_are_told(
    forget: Any, told: Told, ann: Person, signed_in: Any, left: Any
) -> None:
    await signed_in("anon:1", "anon:2")
    removed = await forget(ann, ASKED)
    assert (removed["redis need"], removed["redis need links"]) == (3, 1)
    assert sorted(told.wishes) == [("anon:1", ASKED), ("anon:2", ASKED)]
    assert await left("ann", "anon:1", "anon:2") == []
    assert sum((await forget(ann, ASKED)).values()) == 0


async def test_while_the_log_is_away_nothing_is_forgotten(
    forget: Any, told: Told, ann: Person, signed_in: Any, left: Any, tenant: str
) -> None:
    async def away() -> None:
        raise LogAway("no broker")

    await signed_in("anon:1")
    for ask in (lambda: forget(ann, ASKED), lambda: forget.asked(wish(tenant), [(0, ann, ASKED)])):
        told.before = away
        with pytest.raises(LogAway, match="no broker"):
            await ask()
        assert await left("ann", "anon:1") == ["ann", "anon:1"]
    await forget.asked(wish(tenant), [(0, ann, ASKED)])
    assert await left("ann", "anon:1") == []


@pytest.mark.parametrize("asked", ["by call", "over the log"])
async def test_who_signs_in_meanwhile_is_forgotten_under_that_id_too(
    forget: Any, told: Told, ann: Person, signed_in: Any, left: Any, tenant: str, asked: str
) -> None:
    await signed_in("anon:1")
    told.before = lambda: signed_in("anon:2")
    await (forget.asked(wish(tenant), [(0, ann, ASKED)]) if asked == "over the log" else forget(ann, ASKED))
    assert {user for user, _ in told.wishes} == {"anon:1", "anon:2"}
    assert await left("ann", "anon:1", "anon:2") == []


async def test_a_wish_of_the_log_that_was_granted_leaves_newer_links(
    forget: Any, told: Told, ann: Person, signed_in: Any, left: Any, tenant: str
) -> None:
    await forget(ann, ASKED)
    await signed_in("anon:9")
    await forget.asked(wish(tenant), [(0, ann, ASKED - 1)])
    await forget.asked(wish(tenant), [(0, ann, ASKED + 1)])  # a repeat of the slice
    assert (told.wishes, await left("ann", "anon:9")) == ([], ["ann", "anon:9"])


async def test_a_long_chain_of_ids_is_forgotten_to_its_end(
    forget: Any, told: Told, store: Any, ann: Person, tenant: str
) -> None:
    chain = [ann, *(Person(tenant, f"id-{number}") for number in range(2_000))]
    links = {person: Links((before.user,)) for person, before in pairwise(chain)}
    span = Span("life 1", f"{tenant}.clicks", 0, 1)
    await store.update(span, Wanted([]), lambda _page: Changes(links=links))
    assert (await forget(ann, ASKED))["redis need links"] == len(links)
    assert len(told.wishes) == len(chain) - 1
