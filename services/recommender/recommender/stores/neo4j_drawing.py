"""(:Product)-[:RELATED {kind, weight}]->(:Product), for people who look at the graph, and for queries of their own."""

from __future__ import annotations

from collections.abc import Sequence

from neo4j import AsyncManagedTransaction

from recommender.stores import neo4j_queries as queries
from recommender.stores.neo4j_connection import Neo4j, run
from recommender.usecases.relate import Related, Stale

_KEPT = 5 * 60 * 1000  # milliseconds a change is told; who was away for longer reads everything


class Neo4jDrawing:
    """Edges beside the products they relate."""

    def __init__(self, neo4j: Neo4j) -> None:
        self._neo4j = neo4j

    async def stale(self, most: int) -> tuple[int, Sequence[Stale]]:
        # In one statement: whatever made a product stale is then not after the number that is told with it, or makes
        # it stale again.
        rows = await self._neo4j.look(queries.STALE, most=most)
        return rows[0]["number"], [Stale(row["tenant"], row["place"]) for row in rows if row["tenant"] is not None]

    async def relate(self, number: int, drawn: Sequence[Related]) -> None:
        if not drawn:
            return
        rows = [
            {"tenant": each.tenant, "place": each.place, "edges": [list(edge) for edge in each.edges]}
            for each in sorted(drawn)
        ]

        async def work(tx: AsyncManagedTransaction) -> None:
            await run(tx, queries.LOCK)  # in turn with the writers: the ends of edges are locked in no order
            await run(tx, queries.RELATE, rows=rows, number=number)

        await self._neo4j.transaction(work)

    async def trim(self) -> None:
        await self._neo4j.transaction(lambda tx: run(tx, queries.TRIM, keep=_KEPT))
