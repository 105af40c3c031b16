"""Record → message, tolerant in form and strict in content."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TypeVar

import msgspec
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from chassis.kafka.json_form import normalised
from chassis.kafka.json_usual import Unusual, usual
from chassis.kafka.records import Decoder, Record, Rejected
from chassis.violations import violations

M = TypeVar("M", bound=Message)

PROTOBUF = ("application/x-protobuf", "application/protobuf")
_CLOUD_EVENTS = {"ce_id": "event_id", "ce_time": "occurred_at"}  # header → field it fills when the field is absent


def proto_decoder(message: type[M]) -> Decoder[M]:
    """A decoder of JSON (the default) or Protobuf (header `content-type: application/x-protobuf`) into `message`.

    JSON may use the names of the contract or their camelCase form, and short enum names (`add_to_cart`). The
    CloudEvents headers `ce_id` and `ce_time` fill `event_id` and `occurred_at` where those are absent. Every failure is
    a Rejected that names the field, the value and the remedy.
    """

    def decode(record: Record) -> M:
        content_type = record.headers.get("content-type") or record.headers.get("ce_datacontenttype") or ""
        value = record.value or b""
        if content_type.split(";")[0].strip().lower() in PROTOBUF:
            decoded = _from_protobuf(message, value)
        else:
            decoded = _from_json(message, value, record)
        return checked(decoded)

    return decode


def checked(message: M) -> M:
    """The message itself, or Rejected with everything its contract says against it."""
    found = violations(message)
    if not found:
        return message
    first, others = found[0], found[1:]
    remedy = "; ".join([first.remedy, *(f"{other.field or 'message'}: {other.remedy}" for other in others)])
    raise Rejected("invalid-field", field=first.field, value=first.value, remedy=remedy)


def _from_protobuf(message: type[M], value: bytes) -> M:
    try:
        return message.FromString(value)
    except DecodeError:
        name = message.DESCRIPTOR.full_name
        raise Rejected("malformed-protobuf", value=value[:32], remedy=f"send the bytes of a {name}") from None


def _from_json(message: type[M], value: bytes, record: Record) -> M:
    try:
        given = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        shown = value[:48].decode("utf-8", "replace")
        raise Rejected("malformed-json", value=shown, remedy=f"send one JSON object per record ({error})") from None
    if not isinstance(given, dict):
        raise Rejected("malformed-json", value=given, remedy="send one JSON object per record")
    for header, field in _CLOUD_EVENTS.items():
        if header in record.headers and field in message.DESCRIPTOR.fields_by_name:
            given.setdefault(field, record.headers[header])
    return from_mapping(message, given)


def from_mapping(message: type[M], given: dict[str, object]) -> M:
    """A message from its JSON form as a mapping; unknown fields are passed over, wrong ones are Rejected."""
    with suppress(Unusual):
        return usual(message, given)
    clean = normalised(message.DESCRIPTOR, given)  # type: ignore[arg-type] # upb has a class of its own
    try:
        return json_format.ParseDict(clean, message(), ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, RecursionError) as error:
        shown = json.dumps(given, ensure_ascii=False, default=str)
        raise Rejected("invalid-json-form", value=shown, remedy=" ".join(str(error).split())) from None
