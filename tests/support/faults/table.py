"""The table that a run of the fault tests ends with."""

from __future__ import annotations

from dataclasses import dataclass, field

_HEAD = ("fault", "times", "acknowledged", "lost", "doubled", "dead", "recovery s")


@dataclass(slots=True)
class Row:
    """What one fault did."""

    fault: str
    times: int  # how often it was injected
    acknowledged: int = 0  # distinct events that Kafka acknowledged
    lost: int = 0  # acknowledged, not counted
    doubled: int = 0  # counted more than once
    dead: int = 0  # in `.dead`, each once
    seconds: float = 0.0  # from the end of the fault until all of it could be read; the longest


@dataclass(slots=True)
class Table:
    """Rows in the order in which they came."""

    rows: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Keep a row, whatever the test then says of it."""
        self.rows.append(row)

    def lines(self) -> list[str]:
        """As text, with the sums below."""
        if not self.rows:
            return []
        total = Row("all", sum(row.times for row in self.rows))
        for row in self.rows:
            for name in ("acknowledged", "lost", "doubled", "dead"):
                setattr(total, name, getattr(total, name) + getattr(row, name))
            total.seconds = max(total.seconds, row.seconds)
        width = max(len(row.fault) for row in [*self.rows, total])
        head = _HEAD[0].ljust(width) + "".join(f"{name:>14}" for name in _HEAD[1:])
        return [head, *(_line(row, width) for row in [*self.rows, total])]


def _line(row: Row, width: int) -> str:
    numbers = (row.times, row.acknowledged, row.lost, row.doubled, row.dead)
    return row.fault.ljust(width) + "".join(f"{number:>14,}" for number in numbers) + f"{row.seconds:>14.2f}"
