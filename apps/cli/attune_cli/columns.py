"""Rows with columns of any name → the JSON form of a message.

`--map FIELD=COLUMN` fills a field from a column, `--map FIELD={A}/{B}` from several, `--set FIELD=VALUE` with a
constant; `--where COLUMN=PATTERN` keeps the rows whose cell matches the whole regular expression. `:int` and `:lower`
behind a column change its cells. A field may be a path:

* `price.amount`: a field of a message;
* `title.zh`: an entry of a map; without a name, the entry of the language given by `--language`;
* `attributes.material=COLUMN`, `relations.goes_with=COLUMN`, `images=COLUMN`: an item of a list of messages, whose
  first field is the name and whose second one (or, without a name, whose first one) is the cell;
* `variants=COLUMN`: a list of texts, separated by `|`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from attune_cli.failures import BadInput

SEPARATOR = "|"  # between the texts of a list in one cell
_CHANGES: dict[str, Callable[[str], str]] = {"int": lambda cell: cell.split(".")[0], "lower": str.lower}
Descriptor = Any  # upb has a class of its own, which the type stubs do not call a Descriptor
_TIMESTAMP = "google.protobuf.Timestamp"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the value of a field comes from: a text with columns in braces, or one column as it is."""

    column: str
    pattern: str  # with {column} gaps; empty: the column alone
    change: str

    def value(self, cells: Mapping[str, Any]) -> Any:
        """The value, None for an empty or absent cell, or for a text one of whose gaps is empty."""
        if not self.pattern:
            value = cells.get(self.column)
            return _CHANGES[self.change](text(value)) if self.change and value is not None else value
        gaps = {name: text(cells.get(name)) for name in _gaps(self.pattern)}
        if not all(gaps.values()):
            return None
        return re.sub(r"\{([^}]*)\}", lambda gap: gaps[gap[1]], self.pattern)


@dataclass(frozen=True, slots=True)
class Columns:
    """How rows become messages; made once per command."""

    message: Descriptor
    sources: Mapping[str, Source]
    constants: Mapping[str, str]
    where: Sequence[tuple[str, re.Pattern[str]]]
    language: str

    def keeps(self, cells: Mapping[str, Any]) -> bool:
        """Whether a row is wanted."""
        return all(pattern.fullmatch(text(cells.get(column))) for column, pattern in self.where)

    def apply(self, cells: Mapping[str, Any], *, typed: bool) -> dict[str, Any]:
        """The JSON form of the message. `typed` cells (of JSON) are taken as they are where nothing is mapped.

        Raises nothing: values of the wrong kind are left for the contract to refuse.
        """
        if not self.sources and not self.constants and typed:
            return dict(cells)
        form: dict[str, Any] = {}
        sources = self.sources or {name: Source(name, "", "") for name in cells if not typed}
        if typed and not self.sources:
            form = dict(cells)
        for path, constant in self.constants.items():
            put(form, self.message, path, constant, self.language)
        for path, source in sources.items():
            value = source.value(cells)
            if text(value):
                put(form, self.message, path, value, self.language)
        return form

    def check(self, columns: Sequence[str], name: str) -> None:
        """Raises BadInput when the header of a file does not have what is mapped."""
        named = [
            (path, gap) for path, source in self.sources.items() for gap in _gaps(source.pattern) or [source.column]
        ]
        named += [("--where", column) for column, _ in self.where]
        for path, column in named:
            if column not in columns:
                raise BadInput(f"{name}: {path}: there is no column {column!r}: the columns are {', '.join(columns)}")
        if not self.sources:
            for column in columns:
                _must_exist(self.message, column, "name the columns like fields, or map them: --map FIELD=COLUMN")


def parse(message: type[Message], maps: Sequence[str], constants: Sequence[str], where: Sequence[str],
          language: str) -> Columns:  # fmt: skip
    """What the options say; raises BadInput for what they cannot mean."""
    sources = {}
    for option in maps:
        field, source = _split(option, "--map FIELD=COLUMN")
        _must_exist(message.DESCRIPTOR, field, f"in --map {option}")
        sources[field] = _source(source)
    fixed = dict(_split(option, "--set FIELD=VALUE") for option in constants)
    for field in fixed:
        _must_exist(message.DESCRIPTOR, field, "in --set")
    patterns = []
    for option in where:
        column, pattern = _split(option, "--where COLUMN=PATTERN")
        try:
            patterns.append((column, re.compile(pattern)))
        except re.error as error:
            raise BadInput(f"--where {option}: not a regular expression: {error}") from None
    return Columns(message.DESCRIPTOR, sources, fixed, patterns, language)


def put(form: dict[str, Any], message: Descriptor, path: str, value: Any, language: str) -> None:
    """Write a value where a path points to, in the kind that the contract has there."""
    name, _, rest = path.partition(".")
    field = message.fields_by_name[name]
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        kind = inner.fields_by_name["value"]
        form.setdefault(name, {})[rest or language] = scalar(kind, value)
    elif field.is_repeated and inner is not None:
        form.setdefault(name, []).extend(_items(inner, rest, value))
    elif field.is_repeated:
        form.setdefault(name, []).extend(scalar(field, part) for part in _parts(value))
    elif inner is not None and inner.full_name != _TIMESTAMP:
        put(form.setdefault(name, {}), inner, rest, value, language)
    else:
        form[name] = scalar(field, value)


def scalar(field: FieldDescriptor, value: Any) -> Any:
    """A cell in the kind of a field; a cell that is not of that kind stays as it is, for the contract to refuse."""
    cell = text(value)
    if field.message_type is not None:
        return moment(cell)
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_STRING:
        return cell
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(cell.lower(), value)
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return cell
    try:
        number = float(cell)
    except ValueError:
        return value
    return int(number) if number.is_integer() else number


def moment(cell: str) -> str:
    """A time in RFC 3339; one without a zone is taken for UTC. What is no ISO 8601 time stays as it is."""
    try:
        at = datetime.fromisoformat(cell)
    except ValueError:
        return cell
    return at.isoformat() if at.tzinfo else f"{at.isoformat()}Z"


def text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _items(inner: Descriptor, name: str, value: Any) -> list[dict[str, Any]]:
    first, second = inner.fields[0], inner.fields[1]
    if not name:
        return [{first.name: scalar(first, part)} for part in _parts(value)]
    if second.message_type is not None:  # a map by language: what holds for every language is `und`
        name, _, language = name.partition(".")
        return [{first.name: name, second.name: {language or "und": text(value)}}]
    return [{first.name: name, second.name: scalar(second, part)} for part in _parts(value)]


def _parts(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [part.strip() for part in text(value).split(SEPARATOR) if part.strip()]


def _source(given: str) -> Source:
    if "{" in given:
        return Source("", given, "")
    column, colon, change = given.rpartition(":")
    if colon and change in _CHANGES:
        return Source(column, "", change)
    return Source(given, "", "")


def _gaps(pattern: str) -> list[str]:
    return re.findall(r"\{([^}]*)\}", pattern)


def _split(option: str, form: str) -> tuple[str, str]:
    left, equals, right = option.partition("=")
    if not (left and equals and right):
        raise BadInput(f"{option!r}: write {form}")
    return left.strip(), right.strip()


def _must_exist(message: Descriptor, path: str, where: str) -> None:
    name, _, rest = path.partition(".")
    field = message.fields_by_name.get(name)
    if field is None:
        raise BadInput(f"{path!r} is no field of {message.name} ({where}): it has {', '.join(message.fields_by_name)}")
    inner = field.message_type
    plain = inner is not None and not inner.GetOptions().map_entry and not field.is_repeated
    if inner is not None and plain and inner.full_name != _TIMESTAMP:
        _must_exist(inner, rest, where)
    elif inner is None and rest:
        raise BadInput(f"{path!r}: {name} of {message.name} has no fields of its own ({where})")
