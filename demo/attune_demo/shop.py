"""The whole shop as files: one message of the contract a line, in JSON form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from attune_demo.catalog import products
from attune_demo.knowledge import entries
from attune_demo.personas import shoppers, users
from attune_demo.rules import rules
from attune_demo.shelf import Shelf
from attune_demo.simulator import events
from attune_demo.templates import templates

UNTIL = datetime(2026, 11, 1, tzinfo=UTC)  # a fixed day, so that two runs without a time write the same bytes


class Files(NamedTuple):
    catalog: Path
    users: Path
    knowledge: Path
    templates: Path
    rules: Path
    events: Path  # clicks and queries in time order; `topic` tells them apart


def files(folder: Path, *, until: datetime = UNTIL, days: int = 28, seed: int = 0) -> Files:
    """Writes all six into the folder, making it when needed. Events end at `until` and go back that many days."""
    folder.mkdir(parents=True, exist_ok=True)
    catalogue = list(products())
    happened = events(shoppers(), Shelf(catalogue), until=until, days=days, seed=seed)
    return Files(
        catalog=_write(folder / "catalog.jsonl", catalogue),
        users=_write(folder / "users.jsonl", users()),
        knowledge=_write(folder / "knowledge.jsonl", entries()),
        templates=_write(folder / "templates.jsonl", templates()),
        rules=_write(folder / "rules.jsonl", rules()),
        events=_write(folder / "events.jsonl", happened),
    )


def _write(path: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    lines = (json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records)
    path.write_text("".join(lines), encoding="utf-8", newline="\n")
    return path
