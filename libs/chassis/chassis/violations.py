"""What is wrong with a message, as field, value and remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import protovalidate
from google.protobuf.message import Message

LONGEST_VALUE = 80  # characters of a bad value that are repeated to the sender


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong."""

    field: str  # path such as `relations[2].kind`; empty: the message as a whole
    value: str  # shortened
    remedy: str


def violations(message: Message) -> list[Violation]:
    """What the rules in the contract say against a message; empty: nothing."""
    return [_violation(found) for found in protovalidate.collect_violations(message)]


def shorten(value: object) -> str:
    """A value as it may be repeated: one line, at most LONGEST_VALUE characters."""
    text = value if isinstance(value, str) else repr(value)
    text = text.encode("unicode_escape").decode("ascii") if not text.isprintable() else text
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text)} characters)"


def _violation(found: protovalidate.Violation) -> Violation:
    return Violation(
        field=_path(found.proto.field),
        value="" if found.field_value is None else shorten(found.field_value),
        remedy=_remedy(found.proto.rule_id or "", found.proto.message or ""),
    )


def _path(field: Any) -> str:
    if field is None:
        return ""
    path = ""
    for element in field.elements:
        path += f".{element.field_name}" if path else element.field_name
        subscript = getattr(element, "subscript", None)
        if subscript is not None:
            path += f"[{subscript.value}]"
    return path


def _remedy(rule: str, message: str) -> str:
    if rule == "string.pattern" and "x1f" in message:
        return "must not hold control characters"
    return message or rule
