"""What is read of records before anything is decided."""

from __future__ import annotations

import json

import pytest

from chassis.kafka import Decoder, Record
from qa.decoding import decode_erasure, decode_query, seconds

WRITTEN = 1_767_225_600.0  # 2026-01-01


def record(**value: object) -> Record:
    return Record(0, "ann", json.dumps({"event_id": "e", "user_id": "ann", **value}).encode(), {}, int(WRITTEN * 1000))


@pytest.mark.parametrize(
    ("decode", "field", "given"),
    [
        (lambda given: decode_query(given).event, "occurred_at", {"kind": "question", "text": "How?"}),
        (decode_erasure, "requested_at", {}),
    ],
)
def test_nothing_happens_after_kafka_has_it(decode: Decoder[object], field: str, given: dict[str, str]) -> None:
    ahead, behind = "2031-01-01T00:00:00Z", "2025-12-31T23:59:00Z"
    assert seconds(getattr(decode(record(**given, **{field: ahead})), field)) == WRITTEN
    assert seconds(getattr(decode(record(**given, **{field: behind})), field)) == WRITTEN - 60
