"""Decisions of shops in Neo4j, shared by all replicas."""

from __future__ import annotations

from collections.abc import Sequence

from neo4j import AsyncManagedTransaction

from recommender.domain.product import Position
from recommender.stores import neo4j_queries as queries
from recommender.stores.neo4j_connection import Neo4j, run
from recommender.usecases.policy import Named, StoredPolicy


class Neo4jPolicies:
    """One node per decision. All replicas write what all of them read, so the position decides."""

    def __init__(self, neo4j: Neo4j) -> None:
        self._neo4j = neo4j

    async def load(self) -> list[StoredPolicy]:
        return [
            StoredPolicy(
                Named(row["kind"], row["tenant"], row["name"]),
                Position(row["log"], row["partition"], row["offset"]),
                row["record"],
            )
            for row in await self._neo4j.look(queries.POLICIES)
        ]

    async def save(self, rows: Sequence[StoredPolicy]) -> None:
        if not rows:
            return
        given = [
            row.named._asdict() | row.position._asdict() | {"record": row.record}
            for row in sorted(rows, key=lambda row: row.named)
        ]

        async def work(tx: AsyncManagedTransaction) -> None:
            await run(tx, queries.SAVE_POLICIES, rows=given)

        await self._neo4j.transaction(work)
