"""Checks a JSON object against a message's descriptor, so that an error can name the field."""

from __future__ import annotations

import re
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from chassis.kafka.records import Rejected

INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_FLOATS = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)
_RFC3339 = re.compile(r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$")
TIMESTAMP = "google.protobuf.Timestamp"


def normalised(message: Descriptor, given: dict[str, Any], path: str = "") -> dict[str, Any]:
    """The same object with full enum names; raises Rejected for the first value of the wrong kind."""
    clean: dict[str, Any] = {}
    for name, value in given.items():
        field = message.fields_by_name.get(name) or message.fields_by_camelcase_name.get(name)
        if field is None or value is None:
            continue  # producers may know more fields than we do
        where = f"{path}.{field.name}" if path else field.name
        clean[field.name] = _field(field, value, where)
    return clean


def _field(field: FieldDescriptor, value: Any, where: str) -> Any:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        _expect(isinstance(value, dict), where, value, "an object")
        inner = entry.fields_by_name["value"]
        return {key: _single(inner, item, f"{where}[{key}]") for key, item in value.items()}
    if field.is_repeated:
        _expect(isinstance(value, list), where, value, "a list")
        return [_single(field, item, f"{where}[{index}]") for index, item in enumerate(value)]
    return _single(field, value, where)


def _single(field: FieldDescriptor, value: Any, where: str) -> Any:
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return _enum(field.enum_type, value, where)
    if kind == FieldDescriptor.CPPTYPE_MESSAGE:
        return _message(field.message_type, value, where)
    if kind == FieldDescriptor.CPPTYPE_STRING:
        text = "base64 text" if field.type == FieldDescriptor.TYPE_BYTES else "text"
        _expect(isinstance(value, str), where, value, text)
    elif kind == FieldDescriptor.CPPTYPE_BOOL:
        _expect(isinstance(value, bool), where, value, "true or false")
    elif kind in INTEGERS:
        _expect(_is_integer(value, *INTEGERS[kind]), where, value, "a whole number in range")
    elif kind in _FLOATS:
        _expect(isinstance(value, (int, float)) and not isinstance(value, bool), where, value, "a number")
    return value


def _message(message: Descriptor | None, value: Any, where: str) -> Any:
    assert message is not None  # noqa: S101 - fields of this kind have one
    if message.full_name == TIMESTAMP:
        good = isinstance(value, str) and _RFC3339.match(value) is not None
        _expect(good, where, value, "a time such as 2026-01-31T12:00:00Z")
        return value
    _expect(isinstance(value, dict), where, value, "an object")
    return normalised(message, value, where)


def _enum(enum: EnumDescriptor | None, value: Any, where: str) -> str:
    """The full name of an enum value given by full name, short name or number."""
    assert enum is not None  # noqa: S101 - fields of this kind have one
    prefix = enum_prefix(enum)
    if isinstance(value, int) and not isinstance(value, bool) and value in enum.values_by_number:
        return str(enum.values_by_number[value].name)
    if isinstance(value, str):
        for name in (value, prefix + value.upper()):
            if name in enum.values_by_name:
                return name
    known = ", ".join(v.name.removeprefix(prefix).lower() for v in enum.values if v.number)
    raise Rejected("unknown-enum", field=where, value=value, remedy=f"send one of {known}")


def enum_prefix(enum: EnumDescriptor) -> str:
    """What the names of its values begin with: `BEHAVIOR_KIND_`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper() + "_"


def _is_integer(value: Any, low: int, high: int) -> bool:
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,20}", value):
        value = int(value)  # the JSON form of 64-bit integers is text
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _expect(good: bool, where: str, value: Any, wanted: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not good:
        raise Rejected("wrong-type", field=where, value=value, remedy=f"send {wanted}")
