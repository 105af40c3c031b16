"""`attune`: all commands."""

from __future__ import annotations

import importlib
from collections import UserDict
from collections.abc import Mapping
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_command

from attune_cli import failures
from attune_cli.output import complain

_HELP = """Attune: one live understanding of what each customer needs; recommendations, answers and texts made from it.

Begin with `attune up` in one terminal. In another one, without any flags:

  attune recommend maria

  attune send view --user maria --product kettle-steep-temp --wait

  attune ask "How do I return an item?"

A running platform is found by itself: that of ./.attune, else the newest of yours. ATTUNE_KAFKA and
ATTUNE_{NEEDS,RECOMMENDER,QA,CONTENT}_ADDRESS point anywhere else.
"""
_EXIT_CODES = """Exit codes: 0 done · 1 the platform said no or is not there · 2 bad input or usage ·
3 nothing was found or changed · 4 what was learned is not surely better."""


_SETTINGS = {"help_option_names": ["-h", "--help"]}
_RUN, _FEED, _READ, _CARE, _MEASURE = "Run", "Feed", "Ask", "Care", "Measure"


class Place(NamedTuple):
    """Where a command is: module (of this package, unless it names another one) and name in it, and under which heading
    the help has it.
    """

    module: str
    name: str
    panel: str


_COMMANDS = {
    "up": Place("up", "up", _RUN),
    "status": Place("status", "status", _RUN),
    "load": Place("load", "load", _FEED),
    "replay": Place("replay", "replay", _FEED),
    "send": Place("send", "send", _FEED),
    "need": Place("need", "need", _READ),
    "recommend": Place("recommend", "recommend", _READ),
    "similar": Place("recommend", "similar", _READ),
    "search": Place("search", "search", _READ),
    "ask": Place("ask", "ask", _READ),
    "compose": Place("compose", "compose", _READ),
    "experiment": Place("compose", "experiment", _READ),
    "rules": Place("rules", "app", _CARE),
    "erase": Place("erase", "erase", _CARE),
    "dead-letters": Place("dead_letters", "app", _CARE),
    "train": Place("attune_evaluate.training", "app", _MEASURE),
    "evaluate": Place("attune_evaluate.commands", "app", _MEASURE),
}


class Commands(UserDict[str, Any]):
    """Commands by name, each imported when it is asked for: most do without Kafka's client, which is slow to load."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        super().__init__(places)

    def __getitem__(self, name: str) -> Any:
        held = super().__getitem__(name)
        if isinstance(held, Place):
            held = self[name] = _built(name, held)
        return held


def _built(name: str, place: Place) -> Any:
    module = place.module if "." in place.module else f"attune_cli.{place.module}"
    found = getattr(importlib.import_module(module), place.name)
    around = typer.Typer(rich_markup_mode="rich", context_settings=_SETTINGS, callback=_nothing)
    if isinstance(found, typer.Typer):
        around.add_typer(found, name=name, rich_help_panel=place.panel)
    else:
        around.command(name, rich_help_panel=place.panel)(found)
    group: Any = get_command(around)
    return group.commands[name]


def _nothing() -> None:
    """Without a callback typer takes an app of one command for that command."""


class Door(TyperGroup):
    """Turns what went wrong into one clear line and an exit code; only a bug of ours shows a traceback."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = Commands(_COMMANDS)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            failure = failures.of(error)
            if failure is None:
                raise
            if str(failure):
                complain(f"attune: {failure}")
            raise typer.Exit(failure.code) from None


app = typer.Typer(
    name="attune",
    cls=Door,
    help=_HELP,
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings=_SETTINGS,
    callback=_nothing,
)


def main() -> None:
    """The console script."""
    app()
