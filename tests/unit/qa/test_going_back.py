"""A Redis that came back without its last writes is given them again; nothing is published twice, nobody comes back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mortal_redis import Mortal
from qa_house import ANSWERS, ERASURES, QUERIES, SHOP, House


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Mortal]:
    made = Mortal(tmp_path / "redis")
    yield made
    made.stop()


@pytest.fixture
def shaken(kafka: str, redis: Mortal, tmp_path: Path) -> Iterator[House]:
    made = House(kafka, f"redis://127.0.0.1:{redis.port}/0", tmp_path / "qdrant")
    yield made
    made.stop()


def test_what_redis_lost_is_read_again_and_published_once(shaken: House, redis: Mortal, tenant: str) -> None:
    house = shaken
    marks = [house.teach(tenant, family, language) for family in SHOP for language in SHOP[family]]
    first = house.event(tenant, "ann", "How do I return an item?", dialogue_id="d")
    house.answer(tenant, "ready?", *marks, house.send(QUERIES, "ann", first))
    house.answer(tenant, "How much is delivery?", user="bob")
    before = {key: redis.client.dump(key) for key in redis.client.scan_iter("dialogue:*")}
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
    wish = {"event_id": f"erase-{tenant}", "tenant": tenant, "user_id": "bob", "requested_at": at}
    second = house.event(tenant, "ann", "How much is delivery?", dialogue_id="d")
    lost = [house.send(ERASURES, "bob", wish), house.send(QUERIES, "ann", second)]
    house.answer(tenant, "ready?", *lost)
    told = house.dialogue(tenant, "ann", "d").turns
    assert len(told) == 2
    assert house.dialogue(tenant, "bob").turns == []
    pipe = redis.client.pipeline()  # in one step, as a failover to a replica that was behind does it
    pipe.flushall()
    for key, value in before.items():
        pipe.restore(key, 0, value)
    pipe.execute()
    third = house.event(tenant, "ann", "Can I cancel my order?", dialogue_id="d")
    house.answer(tenant, "ready?", house.send(QUERIES, "ann", third))
    until = time.monotonic() + 15  # wishes have come nowhere meanwhile: they are compared every five seconds
    while house.dialogue(tenant, "bob").turns and time.monotonic() < until:
        pass
    assert house.dialogue(tenant, "bob").turns == []
    turns = house.dialogue(tenant, "ann", "d").turns
    assert [turn.question for turn in turns] == [each["text"] for each in (first, second, third)]
    assert [turn.answer.text for turn in turns[:2]] == [turn.answer.text for turn in told]
    published = []
    for record in house.records(ANSWERS, lambda record: tenant.encode() in record.value()):
        published.append(json.loads(record.value())["question_event_id"])
        if published[-1] == third["event_id"]:
            break
    assert published == [each["event_id"] for each in (first, second, third)]
