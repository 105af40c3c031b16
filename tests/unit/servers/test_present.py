"""What is missing is said, with what to do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from attune_servers import missing, present

POMS = Path(__file__).parents[3] / "deploy" / "servers"


@pytest.fixture(autouse=True)
def _forget_java() -> Iterator[None]:
    present.java.cache_clear()
    yield
    present.java.cache_clear()


def test_without_java_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert "Java 17" in missing()
    assert missing(kafka=False, neo4j=False) == ""


def test_an_old_java_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "bin" / "java"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    old.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert 'is too old (openjdk version "11.0.2" 2019-01-15)' in missing()


def test_without_jars_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(reason)
    monkeypatch.setenv("ATTUNE_SERVERS_JARS", str(tmp_path))
    assert "make .venv/servers.done" in missing()


@pytest.mark.parametrize("name", ["kafka", "neo4j"])
def test_the_jars_are_those_of_the_list(name: str) -> None:
    if reason := missing():
        pytest.skip(reason)
    listed = dict(reversed(line.split()) for line in (POMS / f"{name}.sha256").read_text().splitlines())
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in present.jars(name).iterdir()}
    assert found == listed


@pytest.mark.parametrize("name", ["kafka", "neo4j"])
def test_versions_and_places_of_jars_name_no_registry(name: str) -> None:
    pom = (POMS / f"{name}.pom.xml").read_text()
    assert "<repositor" not in pom
    assert f"<version>{present.version(name)}</version>" in pom
