"""Relations of products as edges in Neo4j."""

from __future__ import annotations

from typing import Any

import pytest

from recommender.domain.history import Meeting
from recommender.domain.product import Key
from recommender.stores.neo4j_connection import Neo4j
from recommender.stores.neo4j_drawing import Neo4jDrawing
from recommender.usecases.relate import Relate, Related, Stale
from recommender.usecases.relations import Learnt
from recommender.usecases.world import World

EDGES = """
match (a:Product {tenant: $tenant})-[r:RELATED]->(b:Product)
return a.id as source, r.kind as kind, b.id as target, r.weight as weight order by source, kind, target
"""


@pytest.fixture
async def neo4j(neo4j_url: Any) -> Any:
    made = Neo4j(*neo4j_url)
    await made.open()
    yield made
    await made.close()


async def edges(neo4j: Neo4j, tenant: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in await neo4j.look(EDGES, tenant=tenant)]


async def mine(drawing: Neo4jDrawing, tenant: str) -> tuple[int, list[Stale]]:
    number, stale = await drawing.stale(10_000)
    return number, [each for each in stale if each.tenant == tenant]


async def test_what_changed_is_drawn_once(shared: Any, neo4j: Any, tenant: str) -> None:
    store, drawing = await shared(), Neo4jDrawing(neo4j)
    await store.places([Key(tenant, "kettle"), Key(tenant, "pot")])
    met = {tenant: [Meeting(0, first=True), Meeting(1, before=(0,), first=True)]}
    await store.write(None, Learnt(met=met))
    number, stale = await mine(drawing, tenant)
    assert sorted(stale) == [Stale(tenant, 0), Stale(tenant, 1)]
    drawn = [Related(tenant, 0, [(1, "transition", 0.5)]), Related(tenant, 1, [])]
    for _ in range(2):
        await drawing.relate(number, drawn)
    assert await edges(neo4j, tenant) == [("kettle", "transition", "pot", 0.5)]
    assert (await mine(drawing, tenant))[1] == []
    await store.close()


async def test_an_older_drawing_does_not_undo_a_newer_one(shared: Any, neo4j: Any, tenant: str) -> None:
    store, drawing = await shared(), Neo4jDrawing(neo4j)
    await store.places([Key(tenant, "kettle"), Key(tenant, "pot")])
    number = (await store.write(None, Learnt(met={tenant: [Meeting(0, first=True)]}))).number
    await drawing.relate(number, [Related(tenant, 0, [(1, "transition", 0.5)])])
    await drawing.relate(number - 1, [Related(tenant, 0, [])])
    assert len(await edges(neo4j, tenant)) == 1
    await store.close()


async def test_what_changes_while_it_is_drawn_is_drawn_again(shared: Any, neo4j: Any, tenant: str) -> None:
    store, drawing = await shared(), Neo4jDrawing(neo4j)
    await store.places([Key(tenant, "kettle")])
    first = (await store.write(None, Learnt(trend={(tenant, 0): 1.0}))).number
    await store.write(None, Learnt(trend={(tenant, 0): 1.0}))
    await drawing.relate(first, [Related(tenant, 0, [])])
    assert (await mine(drawing, tenant))[1] == [Stale(tenant, 0)]
    await store.close()


async def test_a_replica_draws_what_it_serves(shared: Any, neo4j: Any, tenant: str) -> None:
    store, world = await shared(), World(4)
    world.settle(await store.places([Key(tenant, "kettle"), Key(tenant, "pot")]))
    met = {tenant: [Meeting(0, first=True), Meeting(1, before=(0,), first=True)]}
    await store.write(None, Learnt(met=met))
    world.learn(met, {})

    async def follow() -> None:
        """This world has it already."""

    relate = Relate(world, Neo4jDrawing(neo4j), follow)
    while await relate():
        pass
    assert await edges(neo4j, tenant) == [("kettle", "transition", "pot", 1.0)]
    await store.close()
