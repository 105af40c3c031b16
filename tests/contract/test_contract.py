"""What the contract promises of every event and every service."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, ServiceDescriptor

import attune
from attune.types.v1 import topic_pb2


def modules() -> list[object]:
    names = [found.name for found in pkgutil.walk_packages(attune.__path__, "attune.")]
    return [importlib.import_module(name) for name in names if name.endswith("_pb2")]


MESSAGES: list[Descriptor] = [
    message
    for module in modules()
    for message in module.DESCRIPTOR.message_types_by_name.values()  # type: ignore[attr-defined]
]
SERVICES: list[ServiceDescriptor] = [
    service
    for module in modules()
    for service in module.DESCRIPTOR.services_by_name.values()  # type: ignore[attr-defined]
]
EVENTS = [message for message in MESSAGES if message.GetOptions().HasExtension(topic_pb2.topic)]
REQUESTS = [method.input_type for service in SERVICES for method in service.methods]
RECEIVED = [*(event for event in EVENTS if "Answer" not in event.name and "Vectors" not in event.name), *REQUESTS]


def texts(message: Descriptor, path: str = "") -> Iterator[tuple[str, FieldDescriptor]]:
    """Every text or bytes field that can be reached from a message."""
    for field in message.fields:
        where = f"{path}.{field.name}" if path else field.name
        inner = field.message_type
        if inner is not None and not inner.full_name.startswith("google."):
            yield from texts(inner, where)
        elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            yield where, field


def test_there_are_four_services_and_eleven_topics() -> None:
    assert len(SERVICES) == 4
    assert len(EVENTS) == 11


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_every_topic_is_named_versioned_and_keyed_by_a_field_of_its_event(event: Descriptor) -> None:
    topic = event.GetOptions().Extensions[topic_pb2.topic]
    assert re.fullmatch(r"attune\.[a-z-]+\.v1", topic.name)
    assert topic.key in event.fields_by_name
    assert topic.retention != topic_pb2.RETENTION_UNSPECIFIED


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_every_event_names_its_shop(event: Descriptor) -> None:
    assert "tenant" in event.fields_by_name


@pytest.mark.parametrize("message", RECEIVED, ids=lambda message: message.full_name)
def test_every_text_that_comes_in_is_bounded(message: Descriptor) -> None:
    unbounded = []
    for where, field in texts(message):
        if field.containing_type.GetOptions().map_entry:
            continue  # bounded by the rules of the map
        rules = field.GetOptions().Extensions[validate_pb2.field]
        if field.is_repeated:
            bounded = rules.repeated.HasField("max_items")
        else:
            kind = rules.bytes if field.type == FieldDescriptor.TYPE_BYTES else rules.string
            bounded = kind.HasField("max_len") or (kind.HasField("pattern") and "{" in kind.pattern)
        if not bounded:
            unbounded.append(where)
    assert not unbounded


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_service_can_forget_a_person(service: ServiceDescriptor) -> None:
    assert "EraseUser" in service.methods_by_name
    assert "erased" in service.methods_by_name["EraseUser"].output_type.fields_by_name


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_answer_says_who_made_it(service: ServiceDescriptor) -> None:
    silent = {"EraseUser", "GetProducts", "GetDialogue", "GetExperiment"}  # they hand out records as they are kept
    for method in service.methods:
        if method.name not in silent:
            said = {field.name for field in method.output_type.fields}
            inner = {
                f.name for field in method.output_type.fields if field.message_type for f in field.message_type.fields
            }
            assert "served" in said | inner, method.full_name


def test_vectors_travel_as_bytes_with_their_space() -> None:
    vector = next(message for message in MESSAGES if message.name == "Vector")
    assert {name: field.type for name, field in vector.fields_by_name.items()} == {
        "data": FieldDescriptor.TYPE_BYTES,
        "dim": FieldDescriptor.TYPE_UINT32,
        "space": FieldDescriptor.TYPE_STRING,
    }
    assert not [
        f.full_name for m in MESSAGES for f in m.fields if f.is_repeated and f.type == FieldDescriptor.TYPE_FLOAT
    ]
