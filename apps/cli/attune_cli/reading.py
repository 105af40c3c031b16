"""Rows → records that keep the contract; the others are told with file, line, field, value and remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from google.protobuf.message import Message

from attune_cli.columns import Columns
from attune_cli.failures import told
from attune_cli.output import complain
from attune_cli.rows import Rows
from chassis.kafka import Rejected
from chassis.kafka.decode import checked, from_mapping

M = TypeVar("M", bound=Message)
_MOST_TOLD = 20  # bad lines that are printed; all are counted


@dataclass(slots=True)
class Report:
    """What became of the lines of a command."""

    good: int = 0
    skipped: int = 0  # by --where
    bad: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, name: str, line: int, why: Rejected) -> None:
        """Count a bad line; the first ones are told at once."""
        self.bad.append({"file": name, "line": line, "reason": why.reason, "field": why.field, "value": why.value,
                         "remedy": why.remedy})  # fmt: skip
        if len(self.bad) <= _MOST_TOLD:
            complain(f"{name}:{line}: {told(why)}")
        elif len(self.bad) == _MOST_TOLD + 1:
            complain("more bad lines follow; --json lists them all")


@dataclass(frozen=True, slots=True)
class Line:
    """Where a form stands, and the JSON form of a message that was made of it."""

    name: str
    number: int
    form: dict[str, Any]


def forms(rows: Rows, columns: Columns, report: Report) -> Iterator[Line]:
    """The JSON forms of the wanted rows, not yet checked."""
    if rows.is_table:
        columns.check(rows.columns, rows.name)
    for row in rows:
        if isinstance(row.cells, Rejected):
            report.refuse(rows.name, row.line, row.cells)
        elif columns.keeps(row.cells):
            yield Line(rows.name, row.line, columns.apply(row.cells, typed=not rows.is_table))
        else:
            report.skipped += 1


def record(message: type[M], line: Line, complete: Callable[[dict[str, Any], Line], None],
           report: Report) -> M | None:  # fmt: skip
    """The message of a form after `complete` filled what was left open; None when it breaks the contract."""
    try:
        complete(line.form, line)
        found = checked(from_mapping(message, line.form))
    except Rejected as why:
        report.refuse(line.name, line.number, why)
        return None
    report.good += 1
    return found
