"""Two replicas in one group, on the embedded broker and on Apache Kafka: killed, restarted, asked by turns."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from qa_house import ANSWERS, CATALOG, DIRECT, ERASURES, QUERIES, SHOP, House

from attune.qa.v1 import qa_pb2 as pb
from attune.types.v1.types_pb2 import UserRef

PEOPLE = ("ann", "bob", "cyd", "dan", "eli", "fay")
ASKED = ("How do I return an item?", "如何申请退货?", "How much is delivery?", "How long is the warranty?")


@pytest.fixture(scope="module", params=["kafka", "real_kafka"])
def pair(
    request: pytest.FixtureRequest, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[House, House]]:
    """Each keeps its knowledge in a folder of its own; conversations are in one Redis."""
    kafka = request.getfixturevalue(request.param)
    folders = (tmp_path_factory.mktemp(f"replica{n}") for n in (1, 2))
    session = "PT6S" if request.param == "real_kafka" else "PT2S"
    one, two = (House(kafka, redis_url, folder, session=session) for folder in folders)
    yield one, two
    for house in (one, two):
        house.stop()


@pytest.fixture
def shop(pair: tuple[House, House], tenant: str) -> str:
    """A tenant that both can answer for."""
    marks = [pair[0].teach(tenant, family, language) for family in SHOP for language in SHOP[family]]
    for house in pair:  # a machine under load takes its time to start two processes
        assert any(not house.ask(tenant, "ready?", *marks)[-1].served.stale for _ in range(3))
    return tenant


def test_every_replica_answers_from_all_that_the_shop_says(pair: tuple[House, House], shop: str) -> None:
    for family, question in (("delivery.cost", "How much is delivery?"), ("orders.cancel", "Can I cancel my order?")):
        mark = pair[0].teach(shop, family, "en", answer=f"News of {family}.")
        for house in pair:
            reply = house.ask(shop, question, mark)[-1]
            assert reply.answer.text == f"News of {family}.", str(reply)
    cup = {"tenant": shop, "product_id": f"{shop}-cup", "title": {"en": "Celadon Tea Bowl"},
           "attributes": [{"name": "care", "value": {"en": "hand wash only"}}]}  # fmt: skip
    mark = pair[0].send(CATALOG, cup["product_id"], cup)
    for house in pair:
        assert "hand wash only" in house.answer(shop, "Is the Celadon Tea Bowl dishwasher safe?", mark).text


def test_a_replica_knows_what_the_other_one_applied(pair: tuple[House, House], shop: str) -> None:
    for user in PEOPLE:  # of several partitions
        mark = pair[0].send(QUERIES, user, pair[0].event(shop, user, "How do I return an item?"))
        for house in pair:
            assert not house.ask(shop, "ready?", mark)[-1].served.stale
            assert [turn.question for turn in house.dialogue(shop, user).turns] == ["How do I return an item?"]


def test_a_person_forgotten_by_one_replica_is_forgotten_by_both(pair: tuple[House, House], shop: str) -> None:
    one, two = pair
    one.answer(shop, "How do I return an item?", user="ann")
    two.answer(shop, "How do I return an item?", user="bob")
    two.qa.EraseUser(pb.EraseUserRequest(user=UserRef(tenant=shop, user_id="ann")), timeout=15)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
    request = {"event_id": f"erase-{shop}", "tenant": shop, "user_id": "bob", "requested_at": at}
    mark = one.send(ERASURES, "bob", request)
    for house in pair:
        assert not house.ask(shop, "ready?", mark)[-1].served.stale
        assert [list(house.dialogue(shop, user).turns) for user in ("ann", "bob")] == [[], []]


def test_questions_are_answered_once_while_replicas_are_killed_and_restarted(
    pair: tuple[House, House], shop: str
) -> None:
    events = [
        pair[0].event(shop, user, ASKED[n % len(ASKED)], dialogue_id=f"{user}'s")
        for n, user in zip(range(48), itertools.cycle(PEOPLE), strict=False)
    ]
    told: list[dict[str, Any]] = []
    waiting = iter(events)

    def ask(number: int) -> None:
        for event in itertools.islice(waiting, number):
            pair[0].send(QUERIES, event["user_id"], event)

    def told_at_least(number: int) -> bool:
        told[:] = answers(pair[0], shop, number)
        return len({each["event_id"] for each in told}) >= number

    ask(16)
    assert told_at_least(4)
    pair[0].kill_and_start()
    ask(16)
    assert told_at_least(20)
    for house in (pair[1], pair[0]):  # one after the other, each with time to leave
        house.restart()
        ask(8)
    assert told_at_least(len(events))
    assert Counter(each["question_event_id"] for each in told) == Counter(event["event_id"] for event in events)
    for user in PEOPLE:
        mine = [event["text"] for event in events if event["user_id"] == user]
        for house in pair:
            turns = house.dialogue(shop, user, f"{user}'s").turns
            assert [turn.question for turn in turns] == mine
            assert [turn.number for turn in turns] == list(range(1, len(mine) + 1))
    assert {each["outcome"] for each in told if each["text"]} >= {"ANSWER_OUTCOME_DIRECT"}
    for house in pair:  # a replica that was restarted says so until it has read what the shop says
        reply = house.ask(shop, ASKED[0])[-1]
        while "knowledge" in {each.component for each in reply.served.fallbacks}:
            reply = house.ask(shop, ASKED[0])[-1]
        assert reply.answer.outcome == DIRECT


def answers(house: House, shop: str, number: int) -> list[dict[str, Any]]:
    """Answers of a shop, from the beginning of the log until there are so many different ones."""
    found: list[dict[str, Any]] = []
    for record in house.records(ANSWERS, lambda record: shop.encode() in record.value(), 60):
        found.append(json.loads(record.value()))
        if len({each["event_id"] for each in found}) >= number:
            break
    return found
