"""One suite for every store of relations. Tests share a Neo4j: each has a shop and a log of its own."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from attune.events.v1.product_pb2 import Product as ProductMessage
from chassis.kafka import Rewound
from recommender.domain.history import EVENTS, MOST, Done, History
from recommender.domain.product import Key, Position
from recommender.stores import history_blob
from recommender.usecases.relations import Fenced, Learnt, Person, Relations, Span, StoredProduct

TOPIC = "attune.clickstream.v1"


def span(tenant: str, next_offset: int, life: str = "") -> Span:
    return Span(f"log-{tenant}{life}", TOPIC, 0, next_offset)


def record(tenant: str, title: str) -> bytes:
    """Of product `p`, one that whoever shares the store can read."""
    return ProductMessage(tenant=tenant, product_id="p", title={"en": title}).SerializeToString()


def history(*places: int) -> History:
    made = History()
    for turn, place in enumerate(places):
        made.is_new(1000 + turn)
        made.add(place, Done.WANTED if place % 2 else Done.SEEN, 1_700_000_000_000 + turn)
    return made


@pytest.fixture
def ann(tenant: str) -> Person:
    return Person(tenant, "ann")


@pytest.fixture
def bob(tenant: str) -> Person:
    return Person(tenant, "bob")


async def products(store: Relations, tenant: str) -> Sequence[StoredProduct]:
    return [row for row in (await store.everything()).products if row.key.tenant == tenant]


async def trends(store: Relations, tenant: str) -> list[tuple[int, float]]:
    return [(place, count) for shop, place, count in (await store.everything()).trends if shop == tenant]


async def people(store: Relations, tenant: str) -> dict[Person, History]:
    return {person: past for person, past in (await store.everything()).histories if person.tenant == tenant}


async def test_someone_unknown_has_an_empty_history(store: Relations, tenant: str, ann: Person) -> None:
    assert await store.history(ann) == History()
    assert (await store.read(span(tenant, 0), [ann])).histories == {ann: History()}


async def test_a_history_comes_back_as_it_was(store: Relations, tenant: str, ann: Person, bob: Person) -> None:
    await places(store, tenant, 5)
    await store.write(span(tenant, 3), Learnt(histories={ann: history(1, 4, 3, 1)}))
    assert await store.history(ann) == history(1, 4, 3, 1)
    assert await store.history(bob) == History()
    assert await people(store, tenant) == {ann: history(1, 4, 3, 1)}


async def places(store: Relations, tenant: str, n: int) -> Any:
    return await store.places([Key(tenant, f"p{index}") for index in range(n)])


async def test_a_product_keeps_its_place_and_new_ones_get_the_next(store: Relations, tenant: str) -> None:
    a, b, c = (Key(tenant, name) for name in "abc")
    assert await store.places([b, a]) == {b: 0, a: 1}
    assert await store.places([c, b]) == {c: 2, b: 0}
    assert [(row.key, row.place, row.record) for row in await products(store, tenant)] == [
        (b, 0, None),
        (a, 1, None),
        (c, 2, None),
    ]


async def test_shops_have_places_of_their_own(store: Relations, tenant: str) -> None:
    here, there = Key(tenant, "p"), Key(f"{tenant}-2", "p")
    assert await store.places([here, there]) == {here: 0, there: 0}


async def test_an_offset_stands_with_its_effect_and_never_goes_back(store: Relations, tenant: str) -> None:
    await store.write(span(tenant, 7), Learnt())
    await store.write(span(tenant, 3), Learnt())
    assert await store.next_offset(f"log-{tenant}", TOPIC, 0) == 7
    assert (await store.read(span(tenant, 0), [])).applied == 7


async def test_each_life_of_the_log_has_its_own_offsets(store: Relations, tenant: str) -> None:
    await store.write(span(tenant, 7), Learnt())
    assert await store.next_offset("another", TOPIC, 0) == 0


async def test_a_write_that_fails_leaves_nothing(store: Relations, tenant: str, ann: Person, bob: Person) -> None:
    (key,) = await store.places([Key(tenant, "p")])
    await store.write(span(tenant, 1), Learnt())
    row = StoredProduct(key, 0, Position("log", 0, 1), record(tenant, "new"))
    with pytest.raises(struct.error):
        await store.write(span(tenant, 9), Learnt([row], {ann: history(1), bob: history(-1)}))
    assert await store.history(ann) == History()
    assert await products(store, tenant) == [StoredProduct(key, 0, None, None)]
    assert await store.next_offset(f"log-{tenant}", TOPIC, 0) == 1


async def test_what_another_one_wrote_since_the_page_was_read_fences_the_write(
    store: Relations, tenant: str, ann: Person
) -> None:
    page = await store.read(span(tenant, 0), [ann])
    await store.write(span(tenant, 4), Learnt(histories={ann: history(1)}))
    with pytest.raises(Fenced):
        await store.write(span(tenant, 2), Learnt(histories={ann: history(2)}), page)
    assert await store.history(ann) == history(1)


async def test_a_wish_to_be_forgotten_since_the_page_was_read_fences_the_write(
    store: Relations, tenant: str, ann: Person
) -> None:
    page = await store.read(span(tenant, 0), [ann])
    await store.write(None, Learnt(forget={ann: 500}))
    with pytest.raises(Fenced):
        await store.write(span(tenant, 2), Learnt(histories={ann: history(2)}), page)
    assert await store.history(ann) == History()


async def test_trends_add_up(store: Relations, tenant: str) -> None:
    await places(store, tenant, 4)
    for _ in range(2):
        await store.write(None, Learnt(trend={(tenant, 3): 0.5}))
    assert await trends(store, tenant) == [(3, 1.0)]


async def test_a_record_is_replaced_by_later_ones_alone(store: Relations, tenant: str) -> None:
    key, gone = Key(tenant, "p"), Key(tenant, "q")
    await store.places([key, gone])
    for offset, told in ((5, record(tenant, "new")), (4, record(tenant, "older")), (5, record(tenant, "again"))):
        await store.write(None, Learnt(products=[StoredProduct(key, 0, Position("log", 1, offset), told)]))
    await store.write(None, Learnt(products=[StoredProduct(gone, 1, Position("log", 1, 6), None)]))
    assert await products(store, tenant) == [
        StoredProduct(key, 0, Position("log", 1, 5), record(tenant, "new")),
        StoredProduct(gone, 1, Position("log", 1, 6), None),
    ]
    await store.write(
        None, Learnt(products=[StoredProduct(key, 0, Position("another", 1, 0), record(tenant, "new life"))])
    )
    assert (await products(store, tenant))[0].record == record(tenant, "new life")


async def test_who_is_forgotten_is_removed_and_known_again(
    store: Relations, tenant: str, ann: Person, bob: Person
) -> None:
    await places(store, tenant, 3)
    await store.write(span(tenant, 1), Learnt(histories={ann: history(1), bob: history(2)}))
    assert (await store.write(None, Learnt(forget={ann: 500}))).removed == {ann: history(1)}
    assert not (await store.write(None, Learnt(forget={ann: 400}))).removed
    page = await store.read(span(tenant, 1), [ann, bob])
    assert (page.histories[ann], page.forgotten) == (History(), {ann: 500})
    assert page.histories[bob] == history(2)


async def test_everything_is_there_for_the_next_one(engine: Any, tenant: str, ann: Person) -> None:
    first = await engine()
    await first.write(span(tenant, 4), Learnt(histories={ann: history(5)}))
    await first.begin_life(f"log-{tenant}")
    await first.close()
    again = await engine()
    assert (await again.life(), await again.history(ann)) == (f"log-{tenant}", history(5))
    assert await again.next_offset(f"log-{tenant}", TOPIC, 0) == 4
    await again.close()


async def test_a_batch_of_many_people_is_one_write(store: Relations, tenant: str) -> None:
    crowd = {Person(tenant, f"u{n}"): history(n % 7, n % 5) for n in range(1000)}
    await places(store, tenant, 7)
    await store.write(span(tenant, 1000), Learnt(histories=crowd))
    page = await store.read(span(tenant, 1000), list(crowd))
    assert page.histories == crowd


async def test_two_writers_of_one_page_are_one_write(engine: Any, tenant: str, ann: Person, store: Relations) -> None:
    await places(store, tenant, 3)
    other = await engine() if store.shared else store
    page = await store.read(span(tenant, 0), [ann])
    writes = [
        one.write(span(tenant, 1), Learnt(histories={ann: history(1)}, trend={(tenant, 1): 1.0}), page)
        for one in (store, other, store, other)
    ]
    done = await asyncio.gather(*writes, return_exceptions=True)
    assert sum(isinstance(result, Fenced) for result in done) == 3
    assert await trends(store, tenant) == [(1, 1.0)]
    if other is not store:
        await other.close()


def test_bytes_of_a_later_release_are_refused_with_what_to_do() -> None:
    blob = bytearray(history_blob.dump(history(1)))
    blob[0] = 9
    with pytest.raises(history_blob.ForeignForm, match="form 9"):
        history_blob.load(bytes(blob))


def test_bytes_of_the_first_release_are_read() -> None:
    head = bytes([1, 1, 0, 0, 0])
    item = history_blob.dump(History(history(4).items, [], 1))[-24:]
    assert history_blob.load(head + item) == History(history(4).items, [], 1)


def test_the_bytes_of_a_person_are_bounded() -> None:
    made = History()
    for place in range(3 * MOST):
        made.is_new(place)
        made.add(place, Done.WANTED, 1)
        made.trim()
    assert len(made.items) == MOST
    assert len(made.events) == EVENTS
    assert len(history_blob.dump(made)) < 24 * MOST + 8 * EVENTS + 10


async def test_a_store_that_holds_less_than_it_did_is_given_the_rest_again(
    store: Relations, tenant: str, ann: Person
) -> None:
    """As one that was restored from a copy: what lies between must not be passed over."""
    await store.write(span(tenant, 5), Learnt())
    with pytest.raises(Rewound) as back:
        await store.write(replace(span(tenant, 12), begins=9), Learnt(histories={ann: history(1)}))
    assert back.value.next_offset == 5
    assert await store.next_offset(f"log-{tenant}", TOPIC, 0) == 5
    assert await people(store, tenant) == {}
    await store.write(replace(span(tenant, 9), begins=5), Learnt())
    await store.write(replace(span(tenant, 12), begins=9), Learnt(histories={ann: history(1)}))
    assert list(await people(store, tenant)) == [ann]
