"""`attune`: all commands."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from attune_cli import (
    ask,
    compose,
    dead_letters,
    erase,
    failures,
    load,
    need,
    recommend,
    replay,
    send,
    status,
    up,
)
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
3 nothing was found or changed."""


class Door(TyperGroup):
    """Turns what went wrong into one clear line and an exit code; only a bug of ours shows a traceback."""

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
    context_settings={"help_option_names": ["-h", "--help"]},
)

_RUN, _FEED, _READ, _CARE = "Run", "Feed", "Ask", "Care"
app.command(rich_help_panel=_RUN)(up.up)
app.command(rich_help_panel=_RUN)(status.status)
app.command(rich_help_panel=_FEED)(load.load)
app.command(rich_help_panel=_FEED)(replay.replay)
app.command(rich_help_panel=_FEED)(send.send)
app.command(rich_help_panel=_READ)(need.need)
app.command(rich_help_panel=_READ)(recommend.recommend)
app.command(rich_help_panel=_READ)(recommend.similar)
app.command(rich_help_panel=_READ)(recommend.search)
app.command(rich_help_panel=_READ)(ask.ask)
app.command(rich_help_panel=_READ)(compose.compose)
app.command(rich_help_panel=_READ)(compose.experiment)
app.command(rich_help_panel=_CARE)(erase.erase)
app.add_typer(dead_letters.app, name="dead-letters", rich_help_panel=_CARE)


def main() -> None:
    """The console script."""
    app()
