"""What records say, and why some are refused."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from attune.events.v1 import clickstream_pb2
from chassis.kafka import Record, Rejected, proto_decoder
from needs import decoding, reading
from needs.clicks import Click
from needs.domain.identity import Person
from needs.domain.weights import Kind, TextKind
from needs.instants import EPOCH, UNREADABLE, milliseconds

CLICK = {
    "event_id": "e1",
    "user_id": "ann",
    "occurred_at": "2026-01-31T12:00:00.5Z",
    "kind": "add_to_cart",
    "product_id": "p1",
}
WITHOUT = object()
ODD = [
    {},
    {"kind": "BEHAVIOR_KIND_ADD_TO_CART"},
    {"kind": "ADD_TO_CART"},
    {"kind": 3},
    {"kind": "Add_To_Cart"},
    {"kind": "teleport"},
    {"kind": None},
    {"kind": "rate"},
    {"kind": "rate", "rating": 4},
    {"kind": "rate", "rating": 6},
    {"kind": "rate", "rating": "4"},
    {"kind": "rate", "rating": True},
    {"kind": "review"},
    {"kind": "review", "text": "好用\n不错", "language": "zh"},
    {"kind": "review", "text": "bell\x07"},
    {"kind": "review", "text": "x" * 8_001},
    {"event_id": ""},
    {"event_id": "e" * 129},
    {"event_id": WITHOUT},
    {"event_id": WITHOUT, "eventId": "e1"},
    {"user_id": "ann\x00"},
    {"user_id": 7},
    {"product_id": ""},
    {"product_id": WITHOUT},
    {"product_id": WITHOUT, "productId": "p1"},
    {
        "product_id": WITHOUT,
        "content": {"composition_id": "c", "experiment_id": "x", "variant_id": "v", "propensity": 1},
    },
    {"product_id": "商品1"},
    {"occurred_at": "2026-01-31 12:00:00Z"},
    {"occurred_at": "2026-01-31T12:00:00+08:00"},
    {"occurred_at": "2026-01-31T12:00:00"},
    {"occurred_at": "2026-02-31T12:00:00Z"},
    {"occurred_at": "2026-01-31T12:00:00.123456789Z"},
    {"occurred_at": "1969-12-31T23:59:59.999Z"},
    {"occurred_at": 1_700_000_000},
    {"tenant": "my-shop_1"},
    {"tenant": "My Shop"},
    {"tenant": "x" * 65},
    {"session_id": "s\x01"},
    {"quantity": 3},
    {"quantity": -1},
    {"quantity": 2_000_000},
    {"surface": None},
    {"colour_of_button": "green"},
    {"dwell_ms": 2_500},
    {"dwell_ms": -1},
    {"dwell_ms": 2**32},
    {"dwell_ms": "2500"},
    {"dwellMs": 2_500},
    {"kind": "return"},
    {"kind": "RETURN"},
    {"kind": "BEHAVIOR_KIND_RETURN"},
    {"kind": "asked"},
    {"kind": 0},
    {"kind": "identify"},
    {"kind": "identify", "anonymous_id": "anon:1"},
    {"kind": "identify", "anonymous_id": "anon:1", "product_id": WITHOUT},
    {"kind": "BEHAVIOR_KIND_IDENTIFY", "anonymousId": "anon:1", "product_id": WITHOUT},
    {"kind": "identify", "anonymous_id": "ann", "product_id": WITHOUT},
    {"kind": "identify", "anonymous_id": "anon\x01", "product_id": WITHOUT},
    {"anonymous_id": "anon:1"},
    {"anonymous_id": "anon\x01"},
]


def record(value: Any, key: str | None = "ann", **headers: str) -> Record:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Record(0, key, data, headers, 0)


def changed(by: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**CLICK, **by}.items() if value is not WITHOUT}


def by_contract(given: Record) -> Any:
    event = proto_decoder(clickstream_pb2.ClickstreamEvent)(given)
    rating = event.rating if event.HasField("rating") else None
    at = event.occurred_at.ToMilliseconds()
    anonymous = event.anonymous_id if event.kind == clickstream_pb2.BEHAVIOR_KIND_IDENTIFY else ""
    told = (event.event_id, event.user_id, event.product_id, event.kind, at, rating, event.text, event.language)
    return (*told, event.dwell_ms, anonymous)


def one_click(given: Record) -> Click:
    """As the service reads it: in a slice, here of one record."""
    clicks, refused = reading.clicks()([given])
    for _, why in refused:
        raise why
    read = clicks[0].value
    assert read is not None
    return read


def by_us(given: Record) -> Any:
    read = one_click(given)
    told = (read.event_id, read.person.user, read.product_id, read.kind, read.at, read.rating, read.text, read.language)
    return (*told, read.looked, read.anonymous)


def outcome(read: Callable[[Record], Any], given: Record) -> Any:
    try:
        return read(given)
    except Rejected as why:
        return (why.reason, why.field, why.value, why.remedy)


@pytest.mark.parametrize("by", ODD, ids=lambda by: json.dumps(by, default=lambda _: "without")[:60])
def test_the_short_way_reads_exactly_what_the_contract_reads(by: dict[str, Any]) -> None:
    given = record(changed(by))
    assert outcome(by_us, given) == outcome(by_contract, given)


@pytest.mark.parametrize("value", [b"", b"{", b"[1]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(value: bytes) -> None:
    with pytest.raises(Rejected, match="malformed-json"):
        one_click(record(value))


@pytest.mark.parametrize("field", ["colour_of_button", "content"])
def test_a_field_nested_without_end_is_refused_and_its_neighbours_are_read(field: str) -> None:
    deep = json.dumps(CLICK)[:-1].encode() + b', "' + field.encode() + b'": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    clicks, refused = reading.clicks()([record(CLICK), Record(1, "ann", deep, {}, 0)])
    assert [click.offset for click in clicks] == [0]
    assert [(offset, why.reason) for offset, why in refused] == [(1, "malformed-json")]


def test_protobuf_is_read_where_its_header_says_so() -> None:
    event = clickstream_pb2.ClickstreamEvent(event_id="e", user_id="ann", kind=2, product_id="p", tenant="shop")
    event.occurred_at.FromMilliseconds(1_000)
    read = one_click(record(event.SerializeToString(), **{"content-type": "application/x-protobuf"}))
    assert (read.person, read.kind, read.at) == (Person("shop", "ann"), Kind.CLICK, 1_000)


def test_headers_of_cloud_events_fill_what_is_absent() -> None:
    read = one_click(record(changed({"event_id": WITHOUT}), ce_id="from the header"))
    assert read.event_id == "from the header"


@pytest.mark.parametrize("key", [None, "", "bob"])
def test_a_key_that_is_not_the_user_is_refused_with_the_remedy(key: str | None) -> None:
    with pytest.raises(Rejected) as refused:
        one_click(record(CLICK, key))
    assert (refused.value.reason, refused.value.field) == ("wrong-key", "key")
    assert "user_id" in refused.value.remedy


def query(**by: Any) -> Record:
    return record({"event_id": "e", "user_id": "ann", "occurred_at": "2026-01-31T12:00:00Z", "kind": "search", **by})


def test_words_of_a_query_are_read() -> None:
    read = decoding.queries()(query(text="绿茶", kind="question", tenant="shop"))
    assert (read.text, read.kind, read.person) == ("绿茶", TextKind.QUESTION, Person("shop", "ann"))


@pytest.mark.parametrize(("kind", "about"), [("question", "p1"), ("search", "")])
def test_a_question_is_about_its_product_and_a_search_leaves_the_page(kind: str, about: str) -> None:
    assert decoding.queries()(query(text="is it red?", kind=kind, product_id="p1")).product_id == about


def test_protobuf_tells_who_signed_in_and_how_long_was_looked() -> None:
    event = clickstream_pb2.ClickstreamEvent(event_id="e", user_id="ann", kind=12, anonymous_id="anon:1", dwell_ms=7)
    event.occurred_at.FromMilliseconds(1_000)
    read = one_click(record(event.SerializeToString(), **{"content-type": "application/x-protobuf"}))
    assert (read.kind, read.anonymous, read.looked, read.product_id) == (Kind.IDENTIFY, "anon:1", 7, "")


@pytest.mark.parametrize("given", ["audio", "image"])
def test_media_are_refused_as_long_as_no_encoder_reads_them(given: str) -> None:
    with pytest.raises(Rejected) as refused:
        decoding.queries()(query(**{given: {"uri": "https://shop.example/1", "mime_type": "image/png"}}))
    assert (refused.value.reason, refused.value.field, refused.value.value) == ("no-encoder", given, "image/png")
    assert "as text" in refused.value.remedy


def test_a_user_record_is_read() -> None:
    person, kept = decoding.users()(
        record({"user_id": "ann", "tier": "gold", "consents": {"marketing": False}, "attributes": {"size": "L"}})
    )
    assert (person.tenant, kept.tier, kept.consents, kept.updated_at) == ("default", "gold", {"marketing": False}, 0)


def vectors(*pairs: tuple[str, list[float]]) -> Record:
    made = [
        {"space": space, "dim": len(v), "data": base64.b64encode(np.array(v, "<f4").tobytes()).decode()}
        for space, v in pairs
    ]
    return record({"product_id": "p1", "vectors": made, "words": [{"word": "a", "weight": 3}]}, key="p1")


def test_the_vector_of_our_space_is_taken() -> None:
    read = decoding.products("ours@1")(vectors(("other@1", [0, 1]), ("ours@1", [1, 0])))
    assert (read.vector.tolist(), read.words) == ([1, 0], (("a", 1.0),))


def test_a_product_without_a_vector_of_our_space_is_refused_naming_both() -> None:
    with pytest.raises(Rejected) as refused:
        decoding.products("ours@1")(vectors(("other@1", [0, 1])))
    assert (refused.value.reason, refused.value.value) == ("space", "other@1")
    assert "ours@1" in refused.value.remedy


@pytest.mark.parametrize("wrong", [[3.0, 4.0], [float("nan"), 1.0], [float("inf"), 0.0]])
def test_a_vector_that_is_not_of_length_one_is_refused(wrong: list[float]) -> None:
    with pytest.raises(Rejected, match="length"):
        decoding.products("ours@1")(vectors(("ours@1", wrong)))


def test_odd_and_ordinary_clicks_of_one_slice_keep_the_order_of_the_log() -> None:
    odd = {"kind": "BEHAVIOR_KIND_VIEW", "occurred_at": 1_700_000_000}
    values = [CLICK, changed({"kind": 3}), b"{", CLICK, changed(odd), None, changed({"tenant": "a-shop"})]
    given = [
        Record(10 + i, "ann", value if isinstance(value, bytes | None) else json.dumps(value).encode(), {}, 0)
        for i, value in enumerate(values)
    ]
    clicks, refused = reading.clicks()(given)
    assert [item.offset for item in clicks] == [10, 11, 13, 16]
    assert clicks[-1].value.person.tenant == "a-shop"
    assert {offset: why.reason for offset, why in refused} == {
        12: "malformed-json",
        14: "wrong-type",
        15: "no-value",
    }


@pytest.mark.parametrize(
    "texts",
    [
        ["2026-01-31T12:00:00Z", "2024-02-29T23:59:59Z", "1970-01-01T00:00:00Z"],
        ["2026-01-31T12:00:00.250Z", "2026-12-31T00:00:00.999Z"],
        ["2026-01-31T12:00:00.250001Z", "2026-12-31T00:00:00.999999Z"],
        ["2026-02-29T12:00:00Z", "2026-01-31T12:00:00Z"],
        ["2026-01-31T24:00:00Z", "2026-13-01T12:00:00Z", "2026-00-10T12:00:00Z", "2026-01-00T12:00:00Z"],
        ["2026-01-31T12:00:00+08:00", "2026-01-31T12:00:00.5Z"],
        ["2026-01-31t12:00:00z", "２026-01-31T12:00:00Z", "yesterday", ""],
        ["1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"],
    ],
)
def test_a_column_of_times_is_read_like_each_of_them(texts: list[str]) -> None:
    for column in (texts, 20 * texts):  # few and many are read in two ways
        assert milliseconds(column).tolist() == [one_at_a_time(text) for text in column]


def one_at_a_time(text: str) -> int:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", text, re.ASCII):
        return UNREADABLE
    try:
        return max(UNREADABLE, (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1))
    except ValueError:
        return UNREADABLE


@pytest.mark.parametrize(("ahead", "expected"), [(-5, -5), (0, 0), (5, 0), (86_400_000, 0), (86_400_001, 86_400_001)])
def test_nothing_happens_after_kafka_has_it(ahead: int, expected: int) -> None:
    """A clock that is ahead brings nobody back who was forgotten; one that is far ahead is refused later."""
    written = 1_769_860_800_000
    at = (EPOCH + timedelta(milliseconds=written + ahead)).isoformat(timespec="milliseconds")
    plain, odd = ({**CLICK, "occurred_at": at, **more} for more in ({}, {"unheard_of": 1, "kind": 3}))
    wish = {"event_id": "e", "user_id": "ann", "requested_at": at}

    def put(value: dict[str, Any]) -> Record:
        return Record(0, "ann", json.dumps(value).encode(), {}, written)

    assert [one_click(put(each)).at - written for each in (plain, odd)] == [expected, expected]
    assert decoding.erasures()(put(wish)).at - written == expected
