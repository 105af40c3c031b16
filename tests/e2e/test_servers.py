"""The platform on real Kafka, Neo4j and Redis tells the same story as on embedded engines."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from attune_servers import missing

if TYPE_CHECKING:
    from conftest import Attune

_PATIENCE = 500  # seconds: two Java servers and four services start on cores that others use too


@pytest.mark.timeout(3 * _PATIENCE)
def test_the_story_ends_well_on_its_own_servers_and_again_on_those_of_another_terminal(empty: Attune) -> None:
    """Both on the same data: what the first servers held, the second ones hold."""
    if reason := missing():
        pytest.skip(reason)
    first = story(empty)
    assert "neo4j ready" in first
    assert "demo loaded" in first
    assert not (empty.home / "data" / "servers.json").exists()
    with in_another_terminal(empty) as told:
        assert told["versions"].keys() == {"kafka", "neo4j", "redis"}
        second = story(empty)
    assert f"engines that run on {empty.home / 'data'}" in second
    assert "demo loaded" not in second
    for each in (first, second):
        assert "Every expected change happened." in each


def story(attune: Attune) -> str:
    command = [sys.executable, "-m", "attune_cli", "up", "--engines", "servers", "--data", str(attune.home / "data")]
    done = subprocess.run(
        [*command, "--story", "--exit-after-story"],
        cwd=attune.home, env=attune.env, capture_output=True, text=True, timeout=_PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@contextmanager
def in_another_terminal(attune: Attune) -> Iterator[Any]:
    """What `make servers` runs, stopped as by Ctrl-C."""
    command = [sys.executable, "-m", "attune_servers", "--data", str(attune.home / "data"), "--json"]
    with subprocess.Popen(command, cwd=attune.home, env=attune.env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
