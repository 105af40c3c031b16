"""Loads the demo shop once into a data folder."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from google.protobuf.message import Message

from attune.events.v1.rule_pb2 import Rule
from attune_cli import columns, reading
from attune_cli.contract import LOADABLE, event_message
from attune_cli.failures import BadInput
from attune_cli.flow import Flow
from attune_cli.output import say
from attune_cli.reading import Line, Report
from attune_cli.rows import Rows
from attune_demo import files

_KINDS: dict[str, type[Message]] = {**LOADABLE, "rules": Rule}
# Events of products that are not known are refused.
_ORDER = ("catalog", "users", "knowledge", "templates", "rules", "events")


async def load(flow: Flow, data: Path) -> bool:
    """Load what is not loaded yet; False when all of it is. `demo.json` in the data folder says what was loaded."""
    mark = data / "demo.json"
    with tempfile.TemporaryDirectory() as folder:
        shop = files(Path(folder), until=datetime.now(UTC))
        written: dict[str, Path] = {name: getattr(shop, name) for name in _ORDER}
        digest = _digest(written)
        if mark.exists() and json.loads(mark.read_text(encoding="utf-8")).get("digest") == digest:
            return False
        counts = {}
        for name in _ORDER:
            counts[name] = await _send(flow, name, written[name])
            await flow.settle()
    mark.write_text(json.dumps({"digest": digest, **counts}) + "\n", encoding="utf-8")
    say("demo loaded: " + ", ".join(f"{count:,} {name}" for name, count in counts.items()))
    return True


async def _send(flow: Flow, name: str, path: Path) -> int:
    report = Report()
    with Rows(str(path)) as rows:
        for message in _messages(rows, name, report):
            await flow.put(message)
    if report.bad:
        raise BadInput(f"the demo's own {name} hold {len(report.bad)} bad lines: it is of another version")
    return report.good


def _messages(rows: Rows, name: str, report: Report) -> Iterable[Message]:
    any_of = columns.parse(_KINDS.get(name, _KINDS["catalog"]), [], [], [], "en")
    for line in reading.forms(rows, any_of, report):
        kind = _KINDS[name] if name in _KINDS else event_message(line.form.get("kind"))
        found = reading.record(kind, line, _as_it_is, report)
        if found is not None:
            yield found


def _as_it_is(_form: dict[str, object], _line: Line) -> None:
    """The demo's records are complete, and in the default shop."""


def _digest(written: dict[str, Path]) -> str:
    """Of what is told of the shop; the events' times move with the clock and do not count."""
    told = b"".join(written[name].read_bytes() for name in _ORDER if name != "events")
    return hashlib.blake2b(told, digest_size=16).hexdigest()
