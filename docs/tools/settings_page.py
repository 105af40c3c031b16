"""Writes docs/reference/settings.md from the settings classes, so that the page and the code cannot disagree.

Usage: python docs/tools/settings_page.py
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from chassis.settings import ProcessSettings

PAGE = Path(__file__).parents[1] / "reference/settings.md"
SERVICES = ("needs", "recommender", "qa", "content")
HEAD = """# Settings

Every setting is an environment variable, read once at the start of a process. What is missing or wrong is told by name,
and the process ends with code 2. Times are seconds or ISO 8601 durations (`PT0.5S`). This page is written by
`make reference` from the settings classes; edit those.
"""
_FIELD = re.compile(r"^    (\w+): ")
_OWN_LINE = re.compile(r"^    # (.*)")
_DAY = timedelta(days=1)


def page() -> str:
    """The page as it should be."""
    parts = [HEAD, "## Every service", *_table(ProcessSettings)]
    for name in SERVICES:
        parts += ["", f"## {name}", *_table(importlib.import_module(f"{name}.settings").Settings)]
    return "\n".join(parts) + "\n"


def _table(settings: type[ProcessSettings]) -> Iterator[str]:
    comments = _comments(inspect.getsource(settings))
    yield ""
    yield "| variable | default | |"
    yield "|---|---|---|"
    for name in inspect.get_annotations(settings):
        field = settings.model_fields.get(name)
        if field is not None:
            variable = field.validation_alias or f"ATTUNE_{name.upper()}"
            default = "needed" if field.is_required() else _shown(field.default)
            yield f"| `{variable}` | {default} | {comments.get(name, '').replace('|', chr(92) + '|')} |"


def _shown(default: object) -> str:
    if isinstance(default, timedelta):
        return f"{default / _DAY:g} days" if default >= _DAY else f"{default.total_seconds():g} s"
    if isinstance(default, frozenset):
        return ", ".join(f"`{each}`" for each in sorted(default))
    return f"`{default}`" if str(default) else ""


def _comments(source: str) -> dict[str, str]:
    """Field → the comment at the end of its line, and the lines of comment above it."""
    found: dict[str, str] = {}
    above: list[str] = []
    for line in source.splitlines():
        if own := _OWN_LINE.match(line):
            above.append(own[1])
        else:
            if field := _FIELD.match(line):
                beside = re.search(r"  # (.*)$", line)
                said = re.sub(r"^ATTUNE_\w+(: |$)|noqa.*$", "", beside[1]) if beside else ""
                found[field[1]] = " ".join([*above, said]).strip()
            above = []
    return found


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
