"""How a need reads, and what can be asked of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from attune.needs.v1 import needs_pb2 as needs
from attune_cli.behaviors import ago, part, told
from attune_cli.failures import BadInput
from attune_cli.need import moment, supposed

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def behavior(**given: Any) -> needs.Behavior:
    at = Timestamp()
    at.FromDatetime(NOW - timedelta(minutes=3))
    return needs.Behavior(occurred_at=at, **given)


@pytest.mark.parametrize(
    ("given", "reads"),
    [
        ({"kind": 1, "product_id": "k"}, "viewed Gooseneck kettle 3 minutes ago"),
        ({"kind": 5, "product_id": "unheard-of"}, "bought unheard-of 3 minutes ago"),
        ({"kind": 11, "product_id": "k"}, "returned Gooseneck kettle 3 minutes ago"),
        ({"product_id": "k"}, "asked about Gooseneck kettle 3 minutes ago"),
        ({"text": "green tea"}, "said “green tea” 3 minutes ago"),
    ],
)
def test_a_behaviour_reads_as_one_would_tell_it(given: dict[str, Any], reads: str) -> None:
    assert told(behavior(**given), {"k": "Gooseneck kettle"}, NOW) == reads


@pytest.mark.parametrize(
    ("given", "reads"),
    [
        ({"weight": 0.2, "share": 0.344}, "makes 34 % of the need"),
        ({"weight": 0.2, "share": 0.001}, "makes less than 1 % of the need"),
        ({"weight": -1.5, "share": 0.2}, "leads away and makes 20 % of the need"),
        ({"weight": 0.0}, "says nothing of the need"),
        ({"weight": 0.2}, "has no vector here"),
    ],
)
def test_a_behaviour_tells_what_it_does_to_the_need(given: dict[str, Any], reads: str) -> None:
    assert part(behavior(product_id="k", **given)) == reads


@pytest.mark.parametrize(
    ("age", "reads"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(days=2), "2 days ago"),
        (timedelta(days=90), "on 2025-12-01"),
        (timedelta(seconds=-5), "in the future"),
    ],
)
def test_times_are_told_in_the_largest_unit(age: timedelta, reads: str) -> None:
    assert ago(NOW - age, NOW) == reads


def test_a_moment_is_read_with_its_zone() -> None:
    found = moment("2026-01-31T12:00:00+08:00")
    assert found is not None
    assert found.ToJsonString() == "2026-01-31T04:00:00Z"
    assert moment("") is None
    with pytest.raises(BadInput, match="2026-01-31T12:00:00Z"):
        moment("yesterday")


def test_what_is_supposed_is_read_in_its_order() -> None:
    found = supposed(["view:p1", "purchase:a:b"])
    assert [(each.kind, each.product_id) for each in found] == [(1, "p1"), (5, "a:b")]


@pytest.mark.parametrize("text", ["view", "view:", "stare:p1", "impression:p1", "identify:p1", ":p1"])
def test_what_cannot_be_supposed_is_told_with_what_can(text: str) -> None:
    with pytest.raises(BadInput, match="one of view, click"):
        supposed([text])
