"""Numbers of partitions and passwords follow what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from attune_embedded.topics import Topic
from attune_servers.neo4j import Neo4j, password_of
from attune_servers.topics import counts

CLICKS, QUERIES, USERS = (Topic(name, "user_id", compacted=False) for name in ("clicks", "queries", "users"))
CATALOG = Topic("catalog", "product_id", compacted=True)
ALL = [CLICKS, QUERIES, USERS, CATALOG]


def test_topics_of_a_new_cluster_have_what_was_asked_for() -> None:
    assert counts(ALL, {}, 4) == {"clicks": 4, "queries": 4, "users": 4, "catalog": 4}


def test_a_new_topic_has_as_many_partitions_as_those_of_its_key_that_exist() -> None:
    assert counts(ALL, {"clicks": 12, "other": 7}, 4) == {"clicks": 12, "queries": 12, "users": 12, "catalog": 4}


def test_where_they_differ_the_most_common_number_is_taken_and_none_is_changed() -> None:
    assert counts(ALL, {"clicks": 12, "queries": 6}, 4) == {"clicks": 12, "queries": 6, "users": 12, "catalog": 4}


@pytest.mark.parametrize("before", [None, "", "\n"])
def test_a_password_that_is_absent_or_empty_is_drawn(tmp_path: Path, before: str | None) -> None:
    if before is not None:
        (tmp_path / "password").write_text(before)
    drawn = Neo4j(tmp_path, 1, short_lived=True).password()
    assert len(drawn) > 20
    assert password_of(tmp_path) == drawn
    assert [each.name for each in tmp_path.iterdir()] == ["password"]
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600


def test_the_password_of_another_server_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_GRAPH_URL", "bolt://elsewhere:7687")
    monkeypatch.setenv("ATTUNE_NEO4J_PASSWORD", "theirs")
    assert Neo4j(tmp_path, 1, short_lived=True).password() != "theirs"
    monkeypatch.delenv("ATTUNE_GRAPH_URL")
    assert Neo4j(tmp_path / "mine", 1, short_lived=True).password() == "theirs"
