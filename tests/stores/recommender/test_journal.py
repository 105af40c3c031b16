"""What replicas that share a store tell each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from attune.events.v1.product_pb2 import Product as ProductMessage
from recommender.domain.history import Done, History
from recommender.domain.product import Key, Position
from recommender.usecases.relations import Behind, Learnt, Person, StoredProduct


@pytest.fixture
async def pair(shared: Any) -> AsyncIterator[tuple[Any, Any]]:
    one, two = await shared(), await shared()
    yield one, two
    await one.close()
    await two.close()


async def end(store: Any) -> int:
    return (await store.everything()).number


async def test_a_change_is_told_as_it_was_made(pair: Any, tenant: str) -> None:
    one, two = pair
    before = await end(two)
    (key,) = await one.places([Key(tenant, "p")])
    past = History()
    met = {tenant: [past.add(0, Done.WANTED, 1), past.add(0, Done.SEEN, 2)]}
    record = ProductMessage(tenant=tenant, product_id="p", title={"en": "Kettle"}).SerializeToString()
    row = StoredProduct(key, 0, Position("log", 0, 3), record, bytes(4 * 256))
    learnt = Learnt([row], {Person(tenant, "ann"): past}, met, {(tenant, 0): 0.25})
    assert (await one.write(None, learnt)).number == before + 2
    places, change = await two.since(before, ())
    assert (places.number, places.places) == (before + 1, {key: 0})
    assert (change.number, change.products, change.met, change.trend) == (before + 2, [row], met, {(tenant, 0): 0.25})
    assert not await two.since(before + 2, ())


async def test_what_is_known_comes_without_content(pair: Any, tenant: str) -> None:
    one, two = pair
    before = await end(two)
    await one.places([Key(tenant, "p")])
    (change,) = await two.since(before, {before + 1})
    assert not change.places


async def test_who_is_forgotten_is_told_as_what_leaves_the_graph(pair: Any, tenant: str) -> None:
    one, two = pair
    await one.places([Key(tenant, "p"), Key(tenant, "q")])
    ann, past = Person(tenant, "ann"), History()
    past.add(0, Done.SEEN, 1)
    past.add(1, Done.SEEN, 2)
    await one.write(None, Learnt(histories={ann: past}))
    before = await end(two)
    await one.write(None, Learnt(forget={ann: 5}))
    (change,) = await two.since(before, ())
    assert change.met == {tenant: past.undone()}


async def test_numbers_have_no_gap_though_all_write_at_once(pair: Any, tenant: str) -> None:
    before = await end(pair[0])
    keys = [Key(f"{tenant}-{n % 3}", f"p{n}") for n in range(40)]
    given = await asyncio.gather(*(pair[n % 2].places([key]) for n, key in enumerate(keys)))
    places = {key: place for found in given for key, place in found.items()}
    told = list(await pair[0].since(before, ()))
    assert [change.number for change in told] == list(range(before + 1, before + 41))
    assert {key: place for change in told for key, place in change.places.items()} == places
    for shop in range(3):
        mine = sorted(place for key, place in places.items() if key.tenant == f"{tenant}-{shop}")
        assert mine == list(range(len(mine)))


async def test_a_number_from_nowhere_means_reading_everything(pair: Any) -> None:
    with pytest.raises(Behind):
        await pair[0].since(await end(pair[0]) + 1000, ())
