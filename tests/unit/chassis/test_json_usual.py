"""The short way from JSON to a message makes what the general way makes, or leaves it to the general way."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from attune.events.v1.clickstream_pb2 import ClickstreamEvent
from attune.events.v1.product_pb2 import AVAILABILITY_IN_STOCK, Product
from attune.events.v1.product_vectors_pb2 import ProductVectors
from attune.events.v1.query_pb2 import QueryEvent
from attune.events.v1.rule_pb2 import Rule
from attune.events.v1.user_pb2 import UserRecord
from chassis.kafka import Record, Rejected, proto_decoder
from chassis.kafka.json_form import normalised
from chassis.kafka.json_usual import Unusual, usual

MESSAGES: list[type[Message]] = [Product, ClickstreamEvent, QueryEvent, UserRecord, ProductVectors, Rule]
ODD: list[Any] = [None, True, 0, 1, -1, 2**40, 2**70, 1.0, 0.5, 1e300, "", "7", "x", "NaN", [], [None], {}, {"a": 1}]
TIMES = [
    *("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123456789+01:00", "2026-02-30T00:00:00Z", "2026-01-31t12:00:00z"),
    *("1969-12-31T23:59:59.5Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "2026-01-31T24:00:00Z", "soon"),
]
_FRACTIONS = {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}


def generally(message: type[Message], given: dict[str, Any]) -> Message:
    return json_format.ParseDict(normalised(message.DESCRIPTOR, given), message(), ignore_unknown_fields=True)


def random_object(rng: random.Random, message: Descriptor, depth: int = 0) -> Any:
    """An object with some of the fields, of a choice mostly one; one value in a hundred may be of any kind."""
    if message.full_name == "google.protobuf.Timestamp":
        return rng.choice(TIMES) if rng.random() < 0.2 else TIMES[0]
    fields = [field for field in message.fields if rng.random() < (0.5 if depth < 3 else 0.1)]
    if rng.random() < 0.9:
        chosen = {field.containing_oneof.name: field for field in fields if field.containing_oneof is not None}
        fields = [field for field in fields if field.containing_oneof is None] + list(chosen.values())
    names = {rng.choice((field.name, field.camelcase_name)): field for field in fields}
    return {name: random_value(rng, field, depth) for name, field in names.items()} | {"unknown": 1}


def random_value(rng: random.Random, field: FieldDescriptor, depth: int) -> Any:
    if rng.random() < 1 / 100:
        return rng.choice(ODD)
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        inner = entry.fields_by_name["value"]
        return {rng.choice(("en", "zh", "", "é")): random_single(rng, inner, depth) for _ in range(rng.randrange(3))}
    if field.is_repeated:
        return [random_single(rng, field, depth) for _ in range(rng.randrange(3))]
    return random_single(rng, field, depth)


def random_single(rng: random.Random, field: FieldDescriptor, depth: int) -> Any:
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_MESSAGE:
        return random_object(rng, field.message_type, depth + 1)
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        name = rng.choice(field.enum_type.values).name
        return rng.choice((name, name.rpartition("_")[2], name.rpartition("_")[2].lower(), rng.randrange(6)))
    if kind == FieldDescriptor.CPPTYPE_STRING:
        return rng.choice(("", "x", "9.90", "EUR", "橡木", "a\nb", "ab" * 40))
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return rng.choice((True, False))
    return rng.choice((0, 1, 3, 12, 0.5 if kind in _FRACTIONS else 2))


@pytest.mark.parametrize("message", MESSAGES)
def test_random_objects_become_the_message_of_the_general_way_or_are_left_to_it(message: type[Message]) -> None:
    rng, made = random.Random(5), 0
    for _ in range(400):
        given = random_object(rng, message.DESCRIPTOR)
        try:
            short = usual(message, given)
        except Unusual:
            continue
        made += 1
        assert short == generally(message, given), given
    assert made > 40  # or nothing was compared


@pytest.mark.parametrize(
    "given",
    [
        {"product_id": "a", "title": {"en": "x"}, "price": {}},
        {"product_id": "a", "title": {}, "attributes": [{}], "relations": []},
        {"productId": "a", "product_id": "b", "title": {"en": None}},
        {"product_id": "a", "product_id_": "b", "availability": "in_stock", "title": {"en": "x"}},
        {"product_id": "a", "relations": [{"kind": "k", "product_id": "b", "weight": 1}]},
    ],
)
def test_it_reads_and_refuses_as_the_general_way_does(given: dict[str, Any]) -> None:
    def told(make: Any) -> Any:
        try:
            return make(Product, given)
        except (Rejected, Unusual):
            return None

    short = told(usual)
    assert short is None or short == told(generally)


def test_of_two_names_of_one_field_the_later_counts() -> None:
    assert usual(Product, {"productId": "a", "product_id": "b"}).product_id == "b"


def test_an_object_without_fields_is_there() -> None:
    assert usual(Product, {"price": {}}) == generally(Product, {"price": {}})
    assert generally(Product, {"price": {}}).HasField("price")


@pytest.mark.parametrize("given", ["in_stock", "IN_STOCK", "AVAILABILITY_IN_STOCK"])
def test_names_of_values_are_known_in_every_form(given: str) -> None:
    assert usual(Product, {"availability": given}).availability == AVAILABILITY_IN_STOCK


def test_two_values_of_one_choice_are_left_to_the_general_way() -> None:
    with pytest.raises(Unusual):
        usual(QueryEvent, {"text": "tea", "image": {"uri": "x"}})


def test_a_refusal_is_that_of_the_general_way() -> None:
    value = json.dumps({"product_id": "a", "title": {"en": 7}}).encode()
    with pytest.raises(Rejected) as caught:
        proto_decoder(Product)(Record(1, "a", value, {}, 0))
    assert (caught.value.reason, caught.value.field) == ("wrong-type", "title[en]")
