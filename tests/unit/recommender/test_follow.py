"""Replicas in one process, on one Neo4j: whatever happens at once, every world is what the histories say."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from recommender.domain.graph import Graph
from recommender.domain.history import Done
from recommender.domain.trend import share
from recommender.stores.neo4j import Neo4jRelations
from recommender.stores.neo4j_connection import Neo4j
from recommender.usecases.learn import Behavior
from recommender.usecases.relations import Person, RelationsAway, Span

CLICKS, ERASURES = "attune.clickstream.v1", "attune.erasures.v1"
PEOPLE, PRODUCTS, PARTITIONS = 6, 12, 2


@pytest.fixture
async def replicas(
    tmp_path: Path, prepared: Path, neo4j_url: Any, reopen: Callable[..., Any]
) -> AsyncIterator[list[Any]]:
    made = []
    for number in range(2):
        shutil.copytree(prepared / "bare", tmp_path / str(number))
        neo4j = Neo4j(*neo4j_url)
        await neo4j.open()
        made.append(reopen(tmp_path / str(number), None, Neo4jRelations(neo4j, timedelta(seconds=30))))
        await made[-1].restore()
    yield made
    for replica in made:
        await replica.close()


def slice_of(tenant: str, partition: int, first: int, rng: random.Random) -> tuple[Span, list[Behavior]]:
    acts = [
        Behavior(
            first + n,
            Person(tenant, f"{partition}-{rng.randrange(PEOPLE)}"),
            f"p{rng.randrange(PRODUCTS)}",
            rng.choice((Done.SEEN, Done.WANTED)),
            1000 + first + n,
            1.0,
            rng.randrange(1, 200),
        )
        for n in range(20)
    ]
    return Span(f"log-{tenant}", CLICKS, partition, first + len(acts)), acts


async def assert_equal_to_the_store(replica: Any, tenant: str) -> None:
    await replica.follow()
    found = await replica.relations.everything()
    shop, graph = replica.world.shop(tenant), Graph()
    for person, history in found.histories:
        if person.tenant == tenant:
            graph.learn(history.meetings())
    for edges, again in ((shop.graph.transitions, graph.transitions), (shop.graph.together, graph.together)):
        for place in range(PRODUCTS):
            assert edges.row(place).places.tolist() == again.row(place).places.tolist()
            assert edges.row(place).counts.tolist() == again.row(place).counts.tolist()
    assert shop.graph.met.tolist() == graph.met.tolist()
    trends = {place: count for name, place, count in found.trends if name == tenant}
    assert {p: c for p, c in enumerate(shop.trend.counts.tolist()) if c} == pytest.approx(trends, rel=1e-9)
    assert {row.key.product_id: row.place for row in found.products if row.key.tenant == tenant} == shop.places


async def test_a_slice_that_two_take_at_once_counts_once(replicas: Any, tenant: str) -> None:
    acts = [Behavior(n, Person(tenant, "ann"), f"p{n}", Done.WANTED, 1000, 1.0, n + 1) for n in range(5)]
    span = Span(f"log-{tenant}", CLICKS, 0, 5)
    await asyncio.gather(*(replica.behavior(span, acts) for replica in [*replicas, *replicas]))
    for replica in replicas:
        await assert_equal_to_the_store(replica, tenant)
        assert replica.world.shop(tenant).trend.counts.sum() == pytest.approx(5 * share(1000, 1.0))


async def test_slices_repeats_and_erasures_all_at_once_leave_every_world_right(replicas: Any, tenant: str) -> None:
    rng = random.Random(5)
    for round_ in range(8):
        work = []
        for partition in range(PARTITIONS):
            span, acts = slice_of(tenant, partition, 20 * round_, rng)
            # Both believe to own the partition: one of them lost it and does not know it yet.
            work += [replica.behavior(span, acts) for replica in replicas]
        gone = Person(tenant, f"{rng.randrange(PARTITIONS)}-{rng.randrange(PEOPLE)}")
        work.append(rng.choice(replicas).forget(gone, 1000 + 20 * round_))
        request = (round_, Person(tenant, f"0-{rng.randrange(PEOPLE)}"), 1000 + 20 * round_)
        work.append(rng.choice(replicas).forget.requests(Span(f"log-{tenant}", ERASURES, 0, round_ + 1), [request]))
        work.append(rng.choice(replicas).follow())
        rng.shuffle(work)
        await asyncio.gather(*work)
    for replica in replicas:
        await assert_equal_to_the_store(replica, tenant)


async def test_who_was_away_too_long_reads_everything(replicas: Any, tenant: str) -> None:
    one, two = replicas
    await one.behavior(*slice_of(tenant, 0, 0, random.Random(1)))
    two.world.number += 1_000_000  # of a journal that nobody knows
    await assert_equal_to_the_store(two, tenant)


async def test_products_of_one_are_found_by_the_other(replicas: Any, catalogue: Any, asked: Any, tenant: str) -> None:
    one, two = replicas
    await one.load(*({**each, "tenant": tenant} for each in catalogue), log=f"log-{tenant}")
    await two.follow()
    found = await two.search.by_text(tenant, "", "camping tent", asked(1))
    assert [offer.product.key.product_id for offer in found.offers] == ["tent"]


async def test_a_shop_that_refused_products_is_given_them_again(
    replicas: Any, catalogue: Any, asked: Any, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(place: int, product: Any) -> None:
        raise OSError(28, "No space left on device", f"{place} {product.key}")

    one, two = replicas
    await one.load(*({**each, "tenant": tenant} for each in catalogue), log=f"log-{tenant}")
    with monkeypatch.context() as disk:
        disk.setattr(two.world.shop(tenant).shelf, "put", full)
        with pytest.raises(OSError, match="No space"):
            await two.follow()
    await two.follow()
    found = await two.search.by_text(tenant, "", "camping tent", asked(1))
    assert [offer.product.key.product_id for offer in found.offers] == ["tent"]
    await assert_equal_to_the_store(two, tenant)


async def test_who_waits_for_a_round_that_failed_reads_itself(
    replicas: Any, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = replicas
    asked, since = [], two.relations.since

    async def away(*given: Any) -> Any:
        asked.append(given)
        if len(asked) == 2:
            await one.behavior(*slice_of(tenant, 0, 0, random.Random(1)))
            raise RelationsAway("for a moment")
        return await since(*given)

    await two.follow()
    monkeypatch.setattr(two.relations, "since", away)
    first, second, third = await asyncio.gather(*(two.follow() for _ in range(3)), return_exceptions=True)
    assert (first, third) == (None, None)
    assert isinstance(second, RelationsAway)
    assert two.world.number == (await one.relations.everything()).number
