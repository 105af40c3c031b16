"""Tests in processes side by side: which of them share engines, and what their processes tell together at the end.

These are pytest's hooks; `tests/conftest.py` takes them over.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import pytest
from faults.table import Row, Table
from xdist.scheduler import LoadFileScheduling

_FOLDERS = ("e2e", "faults")  # each of these starts a platform or engines once for all its tests


@dataclass
class Told:
    """What a run says at its end, gathered from the processes it ran in."""

    engines: dict[str, str] = field(default_factory=dict)  # of production: ran, or why not
    faults: Table = field(default_factory=Table)


TOLD = pytest.StashKey[Told]()


def pytest_configure(config: pytest.Config) -> None:
    """What tests add to."""
    config.stash[TOLD] = Told()


class _Scheduling(LoadFileScheduling):  # type: ignore[misc] # xdist's own, which knows files only
    """Tests of a folder that shares a platform or engines run in one process; else those of one file."""

    def _split_scope(self, nodeid: str) -> str:
        folder = nodeid.split("/")[1:2]
        return folder[0] if folder[0] in _FOLDERS else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """Who runs what; its own marks for this do not work with pytest 9.2."""
    return _Scheduling(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands over what it has to tell."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        told = session.config.stash[TOLD]
        output["engines"], output["faults"] = told.engines, [asdict(row) for row in told.faults.rows]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes it over. A worker that crashed has nothing to tell."""
    told, output = node.config.stash[TOLD], getattr(node, "workeroutput", {})
    told.engines |= output.get("engines", {})
    for row in output.get("faults", ()):
        told.faults.add(Row(**row))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Which engines of production the tests ran on and which not, and the table of faults."""
    told = config.stash[TOLD]
    if told.engines:
        terminalreporter.write_line("engines: " + " · ".join(f"{name} {said}" for name, said in told.engines.items()))
    if lines := told.faults.lines():
        terminalreporter.write_sep("=", "faults")
        for line in lines:
            terminalreporter.write_line(line)
