"""Every store of relations there is, opened as often as a test wants: each time as another replica would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from recommender.stores.neo4j import Neo4jRelations
from recommender.stores.neo4j_connection import Neo4j
from recommender.stores.neo4j_policies import Neo4jPolicies
from recommender.stores.sqlite import SqliteRelations
from recommender.usecases.policy import PolicyStore
from recommender.usecases.relations import Relations

Open = Callable[[], Awaitable[Relations]]


@pytest.fixture(params=["sqlite", "neo4j"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the store under test."""
    if request.param == "sqlite":

        async def sqlite() -> Relations:
            return SqliteRelations(tmp_path / "deep" / "graph.db")

        return sqlite
    return _neo4j(request)


@pytest.fixture
def shared(request: pytest.FixtureRequest) -> Open:
    """Opens a store that replicas share."""
    return _neo4j(request)


@pytest.fixture
async def store(engine: Open) -> AsyncIterator[Relations]:
    made = await engine()
    yield made
    await made.close()


@pytest.fixture(params=["sqlite", "neo4j"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | Sequence[str]:
    """Where decisions are kept."""
    return tmp_path / "graph.db" if request.param == "sqlite" else request.getfixturevalue("neo4j_url")


@pytest.fixture
async def policies(place: Path | Sequence[str]) -> AsyncIterator[PolicyStore]:
    """The store of decisions under test."""
    if isinstance(place, Path):
        relations = SqliteRelations(place)
        yield relations.policies
        await relations.close()
        return
    neo4j = Neo4j(*place)
    await neo4j.open()
    yield Neo4jPolicies(neo4j)
    await neo4j.close()


def _neo4j(request: pytest.FixtureRequest) -> Open:
    url, user, password = request.getfixturevalue("neo4j_url")

    async def neo4j() -> Relations:
        made = Neo4j(url, user, password)
        await made.open()
        return Neo4jRelations(made, timedelta(seconds=30))

    return neo4j
