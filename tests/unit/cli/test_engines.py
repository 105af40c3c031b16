"""`attune up --engines servers`: which engines it takes, and what it says when there are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attune_cli.engines import named, over
from attune_cli.failures import BadInput
from attune_cli.up import _forget
from attune_servers import present

Attune = Callable[..., Any]


def test_the_environment_may_name_no_engine() -> None:
    assert named({"HOME": "/root", "ATTUNE_LOG_LEVEL": "INFO"}) == {}


@pytest.mark.parametrize(
    ("given", "absent"), [("ATTUNE_KAFKA", "ATTUNE_REDIS_URL"), ("ATTUNE_REDIS_URL", "ATTUNE_KAFKA")]
)
def test_half_of_the_engines_is_refused(given: str, absent: str) -> None:
    with pytest.raises(BadInput, match=f"{absent} is not set"):
        named({given: "there"})


def test_a_neo4j_of_the_environment_gets_no_password_of_ours_and_ours_none_of_the_environment() -> None:
    engines = {"ATTUNE_KAFKA": "k", "ATTUNE_REDIS_URL": "r"}
    ours = {"ATTUNE_GRAPH_URL": "neo4j://ours", "ATTUNE_NEO4J_USER": "neo4j", "ATTUNE_NEO4J_PASSWORD": "secret"}
    assert over(ours, named({"ATTUNE_GRAPH_URL": "bolt://theirs"})) == {"ATTUNE_GRAPH_URL": "bolt://theirs"}
    assert over(ours, named({"ATTUNE_NEO4J_PASSWORD": "other"})) == ours
    assert named({**engines, "ATTUNE_NEO4J_PASSWORD": "other"}) == engines


def test_without_java_it_says_what_else_can_be_done(
    attune: Attune, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    present.java.cache_clear()
    refused = attune("up", "--engines", "servers")
    present.java.cache_clear()
    assert refused.exit_code == 1
    assert "no Java: install Java 17" in refused.stderr
    assert "docker compose up" in refused.stderr


def test_what_others_started_is_not_emptied(attune: Attune, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("ATTUNE_REDIS_URL", "redis://127.0.0.1:1/0")
    refused = attune("up", "--engines", "servers", "--fresh")
    assert refused.exit_code == 1
    assert "were started elsewhere" in refused.stderr


def test_fresh_leaves_the_data_of_the_other_edition(alone: Path) -> None:
    (alone / ".attune" / "servers").mkdir(parents=True)
    (alone / ".attune" / "lock").touch()
    kept = alone / ".attune" / "servers" / "ports.json"
    kept.touch()
    (alone / ".attune" / "graph.db").touch()
    _forget(alone / ".attune")
    assert kept.exists()
    assert not (alone / ".attune" / "graph.db").exists()
