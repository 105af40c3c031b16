"""The commands as a person at a terminal gives them, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from attune_cli.log import reading
from attune_cli.main import app

Attune = Callable[..., Any]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty current folder, in which no platform is to be found."""
    for name in (
        "KAFKA",
        "REDIS_URL",
        "NEEDS_ADDRESS",
        "RECOMMENDER_ADDRESS",
        "QA_ADDRESS",
        "CONTENT_ADDRESS",
        "TENANT",
    ):
        monkeypatch.delenv(f"ATTUNE_{name}", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def attune(alone: Path) -> Attune:
    """Run `attune` with arguments: a result with exit_code, stdout and stderr."""
    assert alone.exists()
    return lambda *arguments, **more: CliRunner().invoke(app, [str(each) for each in arguments], **more)


@pytest.fixture
def on_kafka(attune: Attune, kafka: str, monkeypatch: pytest.MonkeyPatch) -> Attune:
    """The same, with an event log and no service."""
    monkeypatch.setenv("ATTUNE_KAFKA", kafka)
    return attune


@pytest.fixture
def keys(kafka: str) -> Callable[[str], Sequence[str]]:
    """The keys of all records of a topic."""

    async def read(topic: str) -> list[str]:
        async with reading(kafka) as log:
            return [record.key.decode() async for record in log.records(await log.partitions([topic]))]

    return lambda topic: asyncio.run(read(topic))
