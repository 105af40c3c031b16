"""The platform on real Kafka, Neo4j and Redis tells the same story as on embedded engines."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from real_engines import Graph

from attune_servers import Servers, missing

if TYPE_CHECKING:
    from conftest import Attune

_PATIENCE = 300  # seconds: two Java servers and four services start on cores that others use too


@pytest.mark.timeout(2 * _PATIENCE)
def test_the_story_ends_well_twice_on_servers_of_its_own(empty: Attune) -> None:
    if reason := missing():
        pytest.skip(reason)
    for told in (story(empty), story(empty)):
        assert "kafka ready" in told
        assert "neo4j ready" in told
        assert "Every expected change happened." in told
    assert not (empty.home / "data" / "servers.json").exists()
    assert (empty.home / "data" / "neo4j" / "data").is_dir()


@pytest.mark.timeout(_PATIENCE)
def test_it_runs_on_engines_that_the_environment_names(empty: Attune, servers: Servers, neo4j_url: Graph) -> None:
    empty.env |= servers.environment()
    told = story(empty)
    assert f"engines of the environment: Kafka at {servers.kafka}" in told
    assert "Every expected change happened." in told
    assert neo4j_url.url == servers.graph_url
    loaded = list((empty.home / "data" / "platform").glob("*/demo.json"))
    assert [json.loads(mark.read_text())["catalog"] > 0 for mark in loaded] == [True]


def story(attune: Attune) -> str:
    command = [sys.executable, "-m", "attune_cli", "up", "--engines", "servers", "--data", str(attune.home / "data")]
    done = subprocess.run(
        [*command, "--story", "--exit-after-story"],
        cwd=attune.home, env=attune.env, capture_output=True, text=True, timeout=_PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr
