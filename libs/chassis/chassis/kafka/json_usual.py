"""JSON in which every value is written in the plainest form of its field → messages, without a detour.

Whatever is written otherwise or is wrong is Unusual: `json_form` judges it, and names the field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from chassis.kafka.json_form import INTEGERS, TIMESTAMP, enum_prefix

M = TypeVar("M", bound=Message)
Read = Callable[[Any], Any]  # a value of the JSON → what the constructor of a message takes; raises Unusual

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = 253_402_300_800  # seconds until the year 10,000
_ONLY_TEXT = frozenset({str})
_LARGEST = 2.0**100  # of a number that is taken as it is: every floating-point type has it


class Unusual(Exception):
    """A value that is not in the plainest form."""


def usual(message: type[M], given: Mapping[str, Any]) -> M:
    """The message, equal to what the general way makes of it; raises Unusual."""
    try:
        return message(**_message(message.DESCRIPTOR)(given))
    except (TypeError, ValueError):  # the constructor may be stricter than we know
        raise Unusual from None


@cache
def _message(descriptor: Descriptor) -> Read:
    if descriptor.full_name == TIMESTAMP:
        return _timestamp
    if descriptor.full_name.startswith("google.protobuf."):
        return _never  # these have JSON forms of their own
    fields: dict[str, tuple[str, Read, str]] = {}
    for name, field in [*descriptor.fields_by_camelcase_name.items(), *descriptor.fields_by_name.items()]:
        choice = "" if field.containing_oneof is None else field.containing_oneof.name
        fields[name] = (field.name, _field(field), choice)
    choices = any(choice for _, _, choice in fields.values())

    def read(given: Any) -> dict[str, Any]:
        if type(given) is not dict:
            raise Unusual
        made: dict[str, Any] = {}
        chosen: dict[str, str] = {}
        for key, value in given.items():
            field = fields.get(key)
            if field is None or value is None:
                continue
            name, read_value, choice = field
            if choices and choice and chosen.setdefault(choice, name) != name:
                raise Unusual
            made[name] = read_value(value)
        return made

    return read


def _field(field: FieldDescriptor) -> Read:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        return _map(entry.fields_by_name["key"], entry.fields_by_name["value"])
    single = _single(field)
    if not field.is_repeated:
        return single

    def read(given: Any) -> list[Any]:
        if type(given) is not list:
            raise Unusual
        return [single(value) for value in given]

    return read


def _map(key: FieldDescriptor, value: FieldDescriptor) -> Read:
    if key.cpp_type != FieldDescriptor.CPPTYPE_STRING or value.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        return _never
    single = _single(value)
    if single is _text:
        return _texts

    def read(given: Any) -> dict[str, Any]:
        if type(given) is not dict:
            raise Unusual
        return {name: single(item) for name, item in given.items()}

    return read


def _single(field: FieldDescriptor) -> Read:
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_MESSAGE:
        return _nested(field.message_type)
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return _enum(field.enum_type)
    if kind in INTEGERS:
        return _integer(*INTEGERS[kind])
    return _never if field.type == FieldDescriptor.TYPE_BYTES else _SCALARS.get(kind, _never)


def _nested(descriptor: Descriptor | None) -> Read:
    """How it is read is found at its first use: types may hold each other."""
    assert descriptor is not None  # noqa: S101 - fields of this kind have one

    def read(given: Any) -> Any:
        return _message(descriptor)(given)

    return read


def _enum(enum: EnumDescriptor | None) -> Read:
    assert enum is not None  # noqa: S101 - likewise
    numbers: dict[Any, int] = {}
    for value in enum.values:
        short = value.name.removeprefix(enum_prefix(enum))
        numbers |= dict.fromkeys((value.name, short, short.lower()), value.number)

    def read(given: Any) -> int:
        number = numbers.get(given) if type(given) is str else None
        if number is None:
            raise Unusual
        return number

    return read


def _integer(low: int, high: int) -> Read:
    def read(given: Any) -> Any:
        if type(given) is not int or not low <= given <= high:
            raise Unusual
        return given

    return read


def _exactly(kind: type) -> Read:
    def read(given: Any) -> Any:
        if type(given) is not kind:
            raise Unusual
        return given

    return read


_text = _exactly(str)


def _texts(given: Any) -> Any:
    """Of any number of languages, all at once."""
    if type(given) is not dict or not _ONLY_TEXT.issuperset(map(type, given.values())):
        raise Unusual
    return given


def _number(given: Any) -> Any:
    if type(given) not in {int, float} or not -_LARGEST < given < _LARGEST:
        raise Unusual
    return float(given)


def _timestamp(given: Any) -> dict[str, int]:
    found = _TIME.fullmatch(given) if type(given) is str else None
    if found is None:
        raise Unusual
    at, fraction, zone = found.groups()
    try:
        since = datetime.fromisoformat(at + zone) - _EPOCH
    except ValueError:
        raise Unusual from None
    seconds = since.days * 86_400 + since.seconds
    if not 0 <= seconds < _LAST:
        raise Unusual
    return {"seconds": seconds, "nanos": int(fraction.ljust(9, "0")) if fraction else 0}


def _never(_given: Any) -> Any:
    raise Unusual


_SCALARS: dict[int, Read] = {
    FieldDescriptor.CPPTYPE_STRING: _text,
    FieldDescriptor.CPPTYPE_BOOL: _exactly(bool),
    FieldDescriptor.CPPTYPE_FLOAT: _number,
    FieldDescriptor.CPPTYPE_DOUBLE: _number,
}
