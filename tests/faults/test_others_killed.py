"""SIGKILL of recommender, content and qa between each pair of steps of a batch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.embedded import EmbeddedEngines
from faults.house import House
from faults.table import Row, Table

pytestmark = pytest.mark.timeout(300)
STEPS = {  # after a step and before the next one is the same moment: one of the two is enough
    "recommender": ["before:relations", "before:progress", "before:commit"],
    "content": ["before:write", "before:progress", "before:commit"],
    "qa": ["before:write", "before:produce", "before:progress", "before:commit"],
}
EVENTS = {"recommender": 200, "content": 200, "qa": 60}


@pytest.fixture
def house(request: pytest.FixtureRequest, engines: EmbeddedEngines, tmp_path: Path, tenant: str) -> Iterator[House]:
    made = House(request.param, engines, tmp_path, tenant)
    yield made
    made.close()


@pytest.mark.parametrize("house", list(STEPS), indirect=True)
def test_killed_between_any_two_steps_of_a_batch_it_counts_every_event_once(house: House, table: Table) -> None:
    steps, seconds = STEPS[house.name], []
    for number, step in enumerate(steps):  # each process is the recovery from one kill, and dies of the next one
        killed = time.monotonic()
        house.service.start("--kill", f"{step}:2", "--armed", str(house.armed))
        house.caught_up()
        seconds.append(time.monotonic() - killed)
        house.armed.touch()
        house.act(EVENTS[house.name], f"k{number}-", per_second=400)
        house.service.killed_itself()
        house.armed.unlink()
    killed = time.monotonic()
    house.service.start()
    house.caught_up()
    seconds.append(time.monotonic() - killed)
    wrong = []
    for number, step in enumerate(steps):
        found = house.difference(f"k{number}-")
        name = f"SIGKILL {house.name} {step}"
        table.add(Row(name, 1, found.acknowledged, found.lost, found.doubled, 0, seconds[number + 1]))
        if found.lost or found.doubled or found.told:
            wrong.append(f"{step}: {found}")
    assert not wrong
