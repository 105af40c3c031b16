from __future__ import annotations

from google.protobuf.json_format import ParseDict

from attune.events.v1.clickstream_pb2 import BehaviorKind, ClickstreamEvent
from attune.events.v1.query_pb2 import QueryEvent
from attune.events.v1.rule_pb2 import Rule
from attune.events.v1.user_pb2 import UserRecord
from attune_demo.catalog import products
from attune_demo.knowledge import entries
from attune_demo.story import person, story
from attune_demo.templates import templates
from chassis.violations import violations

MESSAGES = {"attune.clickstream.v1": ClickstreamEvent, "attune.queries.v1": QueryEvent}
DEEDS = {"recommend", "event", "sign_in", "rule", "ask", "compose", "outcome"}
PLAYERS_SHARE = {"event_id": "e1", "user_id": "u1", "session_id": "s1", "occurred_at": "2026-11-01T12:00:00Z"}


def test_every_step_does_one_thing_and_is_told_in_both_languages() -> None:
    for step in story():
        assert len(DEEDS & step.keys()) == 1, step["id"]
        assert all(step["say"][language] for language in ("en", "zh"))


def test_every_step_but_the_first_expects_a_change() -> None:
    first, *others = story()
    assert first["expect"] == []
    assert all(step["expect"] for step in others)


def test_every_event_is_valid_once_the_player_has_added_its_share() -> None:
    for step in story():
        if "event" in step:
            event = step["event"]
            assert violations(ParseDict({**event["value"], **PLAYERS_SHARE}, MESSAGES[event["topic"]]())) == []


def test_the_person_is_a_valid_record_that_may_be_written_to() -> None:
    record = person("story-1")
    assert violations(ParseDict(record, UserRecord())) == []
    assert record["consents"]["marketing"]


def test_what_a_step_names_exists() -> None:
    known = {product["product_id"] for product in products()}
    categories = {product["category"] for product in products()}
    families = {(entry["family"], entry["language"]) for entry in entries()}
    texts = {(template["channel"], template["language"]) for template in templates()}
    for step in story():
        if "sign_in" in step:
            assert violations(ParseDict({**step["sign_in"]["value"], **PLAYERS_SHARE}, ClickstreamEvent())) == []
            assert step["sign_in"]["value"]["product_id"] in known
        if "rule" in step:
            assert violations(ParseDict(step["rule"], Rule())) == []
            assert set(step["rule"]["match"]["product_ids"]) <= known
        if "ask" in step:
            assert step["ask"].get("product_id", "kettle-steep-temp") in known
        if "compose" in step:
            assert step["compose"]["product_id"] in known
            assert (step["compose"]["channel"], step["compose"]["language"]) in texts
        for expected in step["expect"]:
            assert set(expected.get("categories", [])) <= categories
            assert set(expected.get("without", [])) <= known
            if "family" in expected:
                assert (expected["family"], expected["language"]) in families


def test_an_outcome_refers_to_a_text_composed_before() -> None:
    composed = set()
    for step in story():
        if "compose" in step:
            composed.add(step["id"])
        if "outcome" in step:
            assert step["outcome"]["of"] in composed
            assert step["outcome"]["kind"] in BehaviorKind.keys()  # noqa: SIM118 - an enum wrapper is no dict


def test_the_story_covers_every_kind_of_change_and_both_languages() -> None:
    expected = [change for step in story() for change in step["expect"]]
    assert {change["of"] for change in expected} == {"need", "recommendation", "answer", "text", "experiment"}
    assert {change["language"] for change in expected if "language" in change} == {"en", "zh"}
