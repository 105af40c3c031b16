"""Engines and services that are shot at, and the table of what it did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.embedded import EmbeddedEngines
from faults.needs_house import NeedsHouse
from faults.table import Table
from side_by_side import TOLD


@pytest.fixture(scope="session")
def table(pytestconfig: pytest.Config) -> Table:
    """What the run prints at its end."""
    return pytestconfig.stash[TOLD].faults


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngines]:
    """A broker and a Redis for the tests of a module, which must leave them running."""
    started = EmbeddedEngines(tmp_path_factory.mktemp("engines"))
    yield started
    started.stop()


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The engines of production, one process each, which a test must leave running. Started once: two are JVMs."""
    servers = pytest.importorskip("attune_servers")
    if lacking := servers.missing():
        pytest.skip(f"missing for real engines: {lacking}")
    from faults.real import RealEngines  # noqa: PLC0415 - needs that package

    started = RealEngines(tmp_path_factory.mktemp("real"), neo4j=True)
    yield started
    started.stop()


@pytest.fixture
def needs(engines: EmbeddedEngines, tmp_path: Path, tenant: str) -> Iterator[NeedsHouse]:
    """A needs service that is ready, and a shop with products."""
    house = NeedsHouse(engines, tmp_path, tenant)
    try:
        house.service.start()
        yield house
    finally:
        house.close()


@pytest.fixture
def house_of(tmp_path: Path, tenant: str) -> Iterator[Callable[[EmbeddedEngines], NeedsHouse]]:
    """Makes a needs service, not started, on engines of the test's own."""
    made: list[NeedsHouse] = []

    def make(engines: EmbeddedEngines) -> NeedsHouse:
        made.append(NeedsHouse(engines, tmp_path, tenant))
        return made[-1]

    yield make
    for house in made:
        house.close()
