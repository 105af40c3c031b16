"""SIGKILL of needs between each pair of steps of a batch."""

from __future__ import annotations

import time

import pytest
from faults.needs_house import NeedsHouse
from faults.table import Row, Table

pytestmark = pytest.mark.timeout(300)
# After a step and before the next one is the same moment: one of the two is enough.
STEPS = ["before:decode", "before:send", "before:progress", "before:commit", "after:commit"]


def test_killed_between_any_two_steps_of_a_batch_it_counts_every_event_once(needs: NeedsHouse, table: Table) -> None:
    needs.service.kill()
    seconds = []
    for number, step in enumerate(STEPS):  # each process is the recovery from one kill, and dies of the next one
        killed = time.monotonic()
        passes = 1 if "commit" in step else 3  # a second of events is committed once, and in many batches
        needs.service.start("--kill", f"{step}:{passes}", "--armed", str(needs.armed))
        needs.caught_up()
        seconds.append(time.monotonic() - killed)
        needs.armed.touch()
        needs.shoppers(f"{number}-").act(200, per_second=800)
        needs.service.killed_itself()
        needs.armed.unlink()
    seconds.append(needs.restart())
    wrong = []
    for number, step in enumerate(STEPS):
        found = needs.difference(f"{number}-")
        row = Row(f"SIGKILL needs {step}", 1, found.acknowledged, found.lost, found.doubled, 0, seconds[number + 1])
        table.add(row)
        if found.lost or found.doubled or found.told:
            wrong.append(f"{step}: {found}")
    assert not wrong
