from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

import attune_demo
from attune.events.v1.clickstream_pb2 import ClickstreamEvent
from attune.events.v1.knowledge_pb2 import KnowledgeEntry
from attune.events.v1.product_pb2 import Product
from attune.events.v1.query_pb2 import QueryEvent
from attune.events.v1.template_pb2 import Template
from attune.events.v1.user_pb2 import UserRecord
from attune_demo import Files
from chassis.violations import violations

Records = list[dict[str, Any]]

TOPICS = {"attune.clickstream.v1": ClickstreamEvent, "attune.queries.v1": QueryEvent}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return attune_demo.files(tmp_path_factory.mktemp("shop"))


def lines(path: Path) -> Records:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    ("name", "message"),
    [("catalog", Product), ("users", UserRecord), ("knowledge", KnowledgeEntry), ("templates", Template)],
)
def test_every_record_is_a_message_without_violations(files: Files, name: str, message: type[Message]) -> None:
    for record in lines(getattr(files, name)):
        assert violations(ParseDict(record, message())) == [], record


def test_every_event_is_a_message_of_its_topic_without_violations(files: Files) -> None:
    for event in lines(files.events):
        assert violations(ParseDict(event, TOPICS[attune_demo.topic(event)]())) == [], event


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("catalog", "product_id"),
        ("users", "user_id"),
        ("knowledge", "entry_id"),
        ("templates", "template_id"),
        ("events", "event_id"),
    ],
)
def test_keys_are_unique(files: Files, name: str, key: str) -> None:
    keys = [record[key] for record in lines(getattr(files, name))]
    assert len(keys) == len(set(keys))


def test_the_same_seed_and_time_write_the_same_bytes(files: Files, tmp_path: Path) -> None:
    again = attune_demo.files(tmp_path)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in files]


def test_events_stand_in_time_order_within_the_days_asked_for(tmp_path: Path) -> None:
    until = datetime(2027, 3, 8, 12, tzinfo=UTC)
    times = [event["occurred_at"] for event in lines(attune_demo.files(tmp_path, until=until, days=7).events)]
    assert times == sorted(times)
    assert times[0] >= "2027-03-01T12:00:00Z"
    assert times[-1] < "2027-03-08T12:00:00Z"


def test_another_seed_gives_other_events(files: Files, tmp_path: Path) -> None:
    assert attune_demo.files(tmp_path, seed=1).events.read_bytes() != files.events.read_bytes()


def test_events_speak_of_known_people_and_products(files: Files) -> None:
    people = {record["user_id"] for record in lines(files.users)}
    known = {record["product_id"] for record in lines(files.catalog)}
    events = lines(files.events)
    assert {event["user_id"] for event in events} == people
    assert {event["product_id"] for event in events if "product_id" in event} <= known
