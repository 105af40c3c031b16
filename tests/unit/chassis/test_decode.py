"""A record becomes a message, or a refusal that names the field, the value and the remedy."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attune.events.v1.clickstream_pb2 import BehaviorKind, ClickstreamEvent
from chassis.kafka import Record, Rejected, proto_decoder

decode = proto_decoder(ClickstreamEvent)

GOOD: dict[str, Any] = {
    "event_id": "e1",
    "user_id": "u1",
    "kind": "view",
    "product_id": "p1",
    "occurred_at": "2026-01-31T12:00:00Z",
}


def record(value: object, **headers: str) -> Record:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Record(offset=7, key="u1", value=raw, headers=headers, timestamp_ms=0)


def refused(value: object, **headers: str) -> Rejected:
    with pytest.raises(Rejected) as caught:
        decode(record(value, **headers))
    return caught.value


@pytest.mark.parametrize("kind", ["view", "VIEW", "BEHAVIOR_KIND_VIEW", 1])
def test_json_is_read_with_short_or_full_enum_names_or_numbers(kind: object) -> None:
    assert decode(record({**GOOD, "kind": kind})).kind == BehaviorKind.BEHAVIOR_KIND_VIEW


def test_json_is_read_with_the_camel_case_names_of_other_languages() -> None:
    camel = {"eventId": "e1", "userId": "u1", "kind": "click", "productId": "p1", "occurredAt": "2026-01-31T12:00:00Z"}
    assert decode(record(camel)).product_id == "p1"


def test_protobuf_is_read_when_its_content_type_says_so() -> None:
    message = decode(record(GOOD))
    again = decode(record(message.SerializeToString(), **{"content-type": "application/x-protobuf"}))
    assert again == message


def test_fields_that_are_not_in_the_contract_are_passed_over() -> None:
    assert decode(record({**GOOD, "colour_of_the_page": "blue"})).event_id == "e1"


def test_cloudevents_headers_fill_what_the_value_leaves_out() -> None:
    bare = {name: value for name, value in GOOD.items() if name not in {"event_id", "occurred_at"}}
    message = decode(record(bare, ce_id="c1", ce_time="2026-02-01T00:00:00Z"))
    assert (message.event_id, message.occurred_at.seconds) == ("c1", 1769904000)


@pytest.mark.parametrize(
    ("change", "reason", "field", "remedy"),
    [
        ({"kind": "teleport"}, "unknown-enum", "kind", "view"),
        ({"kind": True}, "unknown-enum", "kind", "view"),
        ({"user_id": 7}, "wrong-type", "user_id", "text"),
        ({"quantity": -1}, "wrong-type", "quantity", "whole number"),
        ({"quantity": "many"}, "wrong-type", "quantity", "whole number"),
        ({"rating": "five"}, "wrong-type", "rating", "a number"),
        ({"content": []}, "wrong-type", "content", "an object"),
        ({"occurred_at": "yesterday"}, "wrong-type", "occurred_at", "2026-01-31T12:00:00Z"),
        ({"user_id": ""}, "invalid-field", "user_id", "1"),
        ({"event_id": "a\x00b"}, "invalid-field", "event_id", "control characters"),
        ({"rating": 9}, "invalid-field", "rating", "5"),
        ({"tenant": "Not A Name"}, "invalid-field", "tenant", "a-z"),
        ({"product_id": ""}, "invalid-field", "", "product_id is required"),
    ],
)
def test_a_wrong_field_is_named_with_its_remedy(change: dict[str, Any], reason: str, field: str, remedy: str) -> None:
    why = refused({**GOOD, **change})
    assert (why.reason, why.field) == (reason, field)
    assert remedy in why.remedy


@pytest.mark.parametrize("name", ["event_id", "user_id", "occurred_at", "kind"])
def test_an_absent_field_that_is_needed_is_named(name: str) -> None:
    why = refused({key: value for key, value in GOOD.items() if key != name})
    assert why.field == name


@pytest.mark.parametrize("value", [b"{", b"", b"[]", b"null", b"\xff\xfe", b'"text"', b"[" * 100_000])
def test_what_is_not_one_json_object_is_refused(value: bytes) -> None:
    assert refused(value).reason == "malformed-json"


def test_bytes_that_are_not_the_message_are_refused_as_protobuf() -> None:
    why = refused(b"\xff\xff\xff", **{"content-type": "application/x-protobuf"})
    assert why.reason == "malformed-protobuf"
    assert "attune.events.v1.ClickstreamEvent" in why.remedy


def test_a_long_bad_value_is_shortened_before_it_is_repeated() -> None:
    assert len(refused({**GOOD, "user_id": "x" * 5000}).value) < 120
