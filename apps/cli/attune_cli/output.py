"""What commands print: tables for people, tab-separated lines for pipes, JSON for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table


def console() -> Console:
    """Of standard output as it is now; colours only on a terminal, and never with NO_COLOR."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def say(text: str = "", *, style: str | None = None) -> None:
    """One line of text, taken as it is."""
    console().print(escape(text), style=style)


def complain(text: str) -> None:
    """On standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(escape(text), style="red")


def remark(text: str) -> None:
    """On standard error: what a person may want to know and a script does not read."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(escape(text), style="dim")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
    """A table on a terminal; otherwise a line of column names and a line per row, separated by tabs."""
    cells = [[text(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for line in ([title] if title else []) + ["\t".join(row) for row in [list(columns), *cells]]:
            sys.stdout.write(line + "\n")
        return
    drawn = Table(title=escape(title) or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for index, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        drawn.add_column(escape(name), justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        drawn.add_row(*map(escape, row))
    console().print(drawn)


def text(cell: object) -> str:
    """A cell in one line."""
    if isinstance(cell, float):
        return f"{cell:.3f}"
    return " ".join(str(cell).split())


def print_json(value: Message | dict[str, Any] | list[Any]) -> None:
    """One JSON document on one line; fields are named as in the contract."""
    sys.stdout.write(json.dumps(as_json(value), ensure_ascii=False, default=str) + "\n")


def as_json(value: Any) -> Any:
    if isinstance(value, Message):
        return json_format.MessageToDict(
            value, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
    return value


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Bar]:
    """A bar on standard error while it is a terminal; otherwise nothing."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as drawn:
        yield Bar(drawn, drawn.add_task(label, total=total, note=""))


class Bar:
    """One bar of progress."""

    def __init__(self, drawn: Progress, task: TaskID) -> None:
        self._drawn, self._task = drawn, task

    def at(self, done: int, note: str = "") -> None:
        self._drawn.update(self._task, completed=done, note=note)
