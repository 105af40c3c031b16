from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from attune_cli.main import app


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name)


_ALL = list(_commands(get_command(app)))


def test_the_commands_are_those_of_the_documentation() -> None:
    assert {path[0] for path in _ALL} == {
        "up", "status", "load", "replay", "send", "need", "recommend", "similar", "search", "ask", "compose",
        "experiment", "rules", "erase", "dead-letters", "evaluate", "train",
    }  # fmt: skip


@pytest.mark.parametrize("path", _ALL, ids=" ".join)
def test_every_help_teaches_with_an_example_of_its_own_command(attune: Any, path: tuple[str, ...]) -> None:
    shown = attune(*path, "--help")
    assert shown.exit_code == 0
    assert f"Example: attune {' '.join(path)}" in shown.stdout


def test_the_help_says_what_the_exit_codes_mean(attune: Any) -> None:
    shown = attune("--help").stdout
    for meaning in ("0 done", "1 the platform said no", "2 bad input", "3 nothing was found"):
        assert meaning in shown


def test_an_unknown_command_is_a_usage_error(attune: Any) -> None:
    assert attune("reccomend", "maria").exit_code == 2


@pytest.mark.parametrize(
    "path", [path for path in _ALL if path[0] in {"need", "recommend", "status", "search"}], ids=" ".join
)
def test_without_a_platform_a_command_says_how_to_get_one(attune: Any, path: tuple[str, ...]) -> None:
    arguments = [] if path == ("status",) else ["maria"]
    refused = attune(*path, *arguments)
    assert refused.exit_code == 1
    assert "attune up" in refused.stderr
    assert "Traceback" not in refused.output


def test_a_command_without_events_does_not_load_the_client_of_kafka() -> None:
    script = (
        "import sys; from attune_cli import main, recommend, need, ask, compose; "
        "print(*{'faststream', 'aiokafka'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
