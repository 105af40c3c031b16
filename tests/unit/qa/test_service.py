"""The service as others meet it: JSON producers, gRPC callers, a process that is killed, a neighbour that is away."""

from __future__ import annotations

import json
import time
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from ports import free_port
from qa_house import House

from attune.events.v1 import answer_pb2
from attune.needs.v1 import needs_pb2
from attune.needs.v1.needs_pb2_grpc import NeedsServiceServicer, add_NeedsServiceServicer_to_server
from attune.qa.v1 import qa_pb2 as pb
from attune.types.v1.types_pb2 import Media, UserRef, Watermark

KNOWLEDGE, CATALOG, QUERIES = "attune.knowledge.v1", "attune.catalog.v1", "attune.queries.v1"
ANSWERS, ERASURES = "attune.answers.v1", "attune.erasures.v1"
DIRECT, HANDED_OVER = answer_pb2.ANSWER_OUTCOME_DIRECT, answer_pb2.ANSWER_OUTCOME_HANDED_OVER


def violation(error: Any) -> Any:
    """What a refused call says of the first wrong field."""
    details = error_details_pb2.BadRequest()
    rpc_status.from_call(error).details[0].Unpack(details)
    return details.field_violations[0]


def test_both_languages_are_answered_from_one_family(house: Any, shop: str) -> None:
    english, chinese = house.answer(shop, "How do I return an item?"), house.answer(shop, "如何申请退货?")
    assert (english.outcome, english.language, chinese.outcome, chinese.language) == (DIRECT, "en", DIRECT, "zh")
    assert {english.citations[0].family, chinese.citations[0].family} == {"returns.how"}
    assert "退货标签" in chinese.text


def test_the_words_come_first_and_the_answer_last(house: Any, shop: str) -> None:
    *deltas, last = house.ask(shop, "How do I return an item?")
    assert "".join(piece.delta for piece in deltas) == last.answer.text
    assert len(deltas) == 2
    assert last.served.by[0].startswith("static")
    for citation in last.answer.citations:
        assert citation.score.value == pytest.approx(sum(term.contribution for term in citation.score.terms))


def test_what_the_shop_does_not_know_is_handed_over(house: Any, shop: str) -> None:
    answer = house.answer(shop, "What is the capital of France?")
    assert (answer.outcome, len(answer.citations)) == (HANDED_OVER, 0)


def test_a_shop_nobody_has_told_us_of_hands_everything_over(house: Any, tenant: str) -> None:
    assert house.answer(tenant, "How do I return an item?").outcome == HANDED_OVER


def test_an_entry_that_is_gone_answers_no_more(house: Any, shop: str) -> None:
    gone = [house.send(KNOWLEDGE, f"{shop}.payment.methods.{language}", None) for language in ("en", "zh")]
    assert house.answer(shop, "Which payment methods do you accept?", *gone).outcome != DIRECT


def test_a_changed_entry_answers_in_its_new_words(house: Any, shop: str) -> None:
    mark = house.teach(shop, "delivery.cost", "en", answer="Delivery is free today.")
    assert house.answer(shop, "How much is delivery?", mark).text == "Delivery is free today."


def test_a_conversation_is_kept_and_its_follow_up_understood(house: Any, shop: str) -> None:
    first = house.answer(shop, "How do I return an item?", user="ann")
    second = house.answer(shop, "And when do I get my money back?", user="ann", dialogue_id=first.dialogue_id)
    assert second.citations[0].family == "returns.refund"
    assert (first.turn, second.turn) == (1, 2)
    kept = house.dialogue(shop, "ann")
    assert kept.dialogue_id == first.dialogue_id
    assert [turn.question for turn in kept.turns] == ["How do I return an item?", "And when do I get my money back?"]
    assert kept.turns[1].answer.citations[0].score.terms
    assert house.dialogue(shop, "ann", "another").turns == []


def test_a_product_question_is_answered_from_the_catalogue(house: Any, shop: str) -> None:
    product = {
        "tenant": shop,
        "product_id": f"{shop}-teapot",
        "title": {"en": "Mist Porcelain Teapot, 600 ml", "zh": "烟雨白瓷茶壶 600毫升"},
        "attributes": [{"name": "care", "value": {"en": "dishwasher safe", "zh": "可用洗碗机清洗"}}],
    }
    mark = house.send(CATALOG, product["product_id"], product)
    answer = house.answer(shop, "Is the Mist Porcelain Teapot dishwasher safe?", mark)
    assert "dishwasher safe" in answer.text
    assert list(answer.product_ids) == [product["product_id"]]
    assert "洗碗机" in house.answer(shop, "烟雨白瓷茶壶可以放洗碗机吗?").text


def test_a_question_over_kafka_is_answered_once(house: Any, shop: str) -> None:
    event = house.event(shop, "ann", "如何申请退货?")
    house.send(QUERIES, "ann", event)
    again = house.send(QUERIES, "ann", event)
    house.ask(shop, "ready?", again)
    last = house.event(shop, "ann", "How much is delivery?")  # same person, same partition: comes after
    house.ask(shop, "ready?", house.send(QUERIES, "ann", last))
    answers = []
    for record in house.records(ANSWERS, lambda record: shop.encode() in record.value()):
        answers.append(json.loads(record.value()))
        if answers[-1]["question_event_id"] == last["event_id"]:
            break
    assert [answer["event_id"] for answer in answers] == [f"answer:{event['event_id']}", f"answer:{last['event_id']}"]
    assert (answers[0]["outcome"], answers[0]["language"]) == ("ANSWER_OUTCOME_DIRECT", "zh")
    assert answers[0]["entry_ids"] == [f"{shop}.returns.how.zh"]


def test_a_question_by_call_is_told_to_needs_and_answered_once(house: Any, shop: str) -> None:
    house.ask(shop, "How do I return an item?", user="ann", product_id="teapot")
    told = next(house.records(QUERIES, lambda record: shop.encode() in record.value()))
    event = json.loads(told.value())
    assert (told.key(), event["text"], event["product_id"]) == (b"ann", "How do I return an item?", "teapot")
    after = house.event(shop, "ann", "How much is delivery?")  # same person, same partition: read after it
    house.ask(shop, "ready?", house.send(QUERIES, "ann", after))
    asked = [turn.question for turn in house.dialogue(shop, "ann", event["dialogue_id"]).turns]
    assert asked == ["How do I return an item?"]
    answer = next(house.records(ANSWERS, lambda record: shop.encode() in record.value()))
    assert json.loads(answer.value())["question_event_id"] == after["event_id"]


def test_a_question_of_nobody_is_told_to_nobody(house: Any, shop: str) -> None:
    house.ask(shop, "How do I return an item?")
    house.ask(shop, "How much is delivery?", user="eve")
    told = next(house.records(QUERIES, lambda record: shop.encode() in record.value()))
    assert told.key() == b"eve"


def test_a_search_over_kafka_is_not_ours_to_answer(house: Any, shop: str) -> None:
    mark = house.send(QUERIES, "eve", house.event(shop, "eve", "How do I return an item?", kind="search"))
    house.ask(shop, "ready?", mark)
    assert house.dialogue(shop, "eve").turns == []


@pytest.mark.parametrize(
    ("value", "reason", "field"),
    [
        (b"{not json", "malformed-json", ""),
        ({"entry_id": "e", "language": "en", "question": "Why?"}, "invalid-field", "answer"),
        ({"entry_id": "e", "language": "en", "question": 7, "answer": "a"}, "wrong-type", "question"),
        ({"entry_id": "e", "language": "en", "question": "Why?", "answer": "a\u0000b"}, "invalid-field", "answer"),
        (
            {
                "entry_id": "e", "language": "en", "question": "Why?", "answer": "So.",
                "valid_from": "2026-02-01T00:00:00Z", "valid_until": "2026-01-01T00:00:00Z",
            },
            "invalid-field", "valid_until",
        ),
    ],
)  # fmt: skip
def test_a_bad_entry_goes_to_the_dead_letters_and_the_next_one_is_learned(
    house: Any, tenant: str, value: Any, reason: str, field: str
) -> None:
    bad = house.send(KNOWLEDGE, tenant, value)
    good = house.teach(tenant, "orders.cancel", "en")
    assert house.answer(tenant, "Can I cancel my order?", bad, good).outcome == DIRECT
    place = (str(bad.partition), str(bad.offset))
    for record in house.records(f"{KNOWLEDGE}.dead", lambda _: True):
        headers = {name: text.decode() for name, text in record.headers()}
        if (headers["dead-partition"], headers["dead-offset"]) == place:
            assert (headers["dead-reason"], headers["dead-field"]) == (reason, field)
            return
    pytest.fail("no dead letter")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"text": "   "}, "empty-question"), ({"text": None, "audio": {"mime_type": "audio/wav"}}, "unreadable-media")],
)
def test_a_question_that_cannot_be_read_goes_to_the_dead_letters(
    house: Any, shop: str, changes: dict[str, Any], reason: str
) -> None:
    event = {**house.event(shop, "ann", "?"), **changes}
    house.send(QUERIES, "ann", {name: value for name, value in event.items() if value is not None})
    wanted = event["event_id"].encode()
    for record in house.records(f"{QUERIES}.dead", lambda r: wanted in r.value()):
        headers = {name: text.decode() for name, text in record.headers()}
        assert (headers["dead-reason"], headers["dead-service"]) == (reason, "qa")
        return
    pytest.fail("no dead letter")


@pytest.mark.parametrize("text", ["", "   ", "x" * 100_000])
def test_an_empty_or_endless_question_is_an_invalid_argument(house: Any, shop: str, text: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        house.ask(shop, text)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violation(refused.value).field == "text"
    assert len(refused.value.details()) < 400


def test_speech_without_an_encoder_for_it_is_refused_with_a_remedy(house: Any, shop: str) -> None:
    request = pb.AskRequest(tenant=shop, audio=Media(data=b"RIFF", mime_type="audio/wav"))
    with pytest.raises(grpc.RpcError) as refused:
        list(house.qa.Ask(request, timeout=15))
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "send the question as text" in refused.value.details()


def test_an_erased_person_has_no_conversations_and_old_questions_do_not_bring_them_back(house: Any, shop: str) -> None:
    house.answer(shop, "How do I return an item?", user="bob", dialogue_id="one")
    house.answer(shop, "How much is delivery?", user="bob", dialogue_id="two")
    who = UserRef(tenant=shop, user_id="bob")
    receipt = house.qa.EraseUser(pb.EraseUserRequest(user=who), timeout=15).erased
    assert [(line.service, line.store, line.count) for line in receipt] == [
        ("qa", "redis dialogue", 2), ("qa", "redis dialogue owed", 0), ("qa", "redis dialogue events", 0),
    ]  # fmt: skip
    assert all(line.erased_at.seconds > 0 for line in receipt)
    late = house.event(shop, "bob", "如何申请退货?", occurred_at="2026-01-01T00:00:00Z")
    house.ask(shop, "ready?", house.send(QUERIES, "bob", late))
    assert house.dialogue(shop, "bob").turns == []
    again = house.qa.EraseUser(pb.EraseUserRequest(user=who), timeout=15).erased
    assert [line.count for line in again] == [0, 0, 0]


def test_an_erasure_over_kafka_does_the_same(house: Any, shop: str) -> None:
    house.answer(shop, "How do I return an item?", user="cyd")
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
    request = {"event_id": f"erase-{shop}", "tenant": shop, "user_id": "cyd", "requested_at": at}
    house.ask(shop, "ready?", house.send(ERASURES, "cyd", request))
    assert house.dialogue(shop, "cyd").turns == []


class Needs(NeedsServiceServicer):
    """A needs service that knows nobody."""

    def GetNeed(self, request: Any, context: Any) -> needs_pb2.GetNeedResponse:  # noqa: N802
        del context
        return needs_pb2.GetNeedResponse(need=needs_pb2.Need(user=request.user))


def test_a_neighbour_that_is_away_is_named_and_used_again_when_it_is_back(house: Any, shop: str) -> None:
    def missing() -> set[str]:
        return {each.component for each in house.ask(shop, "How do I return an item?", user="dan")[-1].served.fallbacks}

    assert missing() == {"needs"}
    server = grpc.server(futures.ThreadPoolExecutor(2))
    add_NeedsServiceServicer_to_server(Needs(), server)
    server.add_insecure_port(f"127.0.0.1:{house.needs_port}")
    server.start()
    until = time.monotonic() + 10
    while missing() and time.monotonic() < until:
        pass
    assert missing() == set()
    server.stop(0).wait()
    assert missing() == {"needs"}


def test_what_was_sent_does_not_count_as_read_before_the_log_is_reached(redis_url: str, tmp_path: Path) -> None:
    early = House(f"127.0.0.1:{free_port()}", redis_url, tmp_path)
    try:
        asked = pb.AskRequest(tenant="t", text="ready?", at_least=[Watermark(topic=QUERIES, partition=0, offset=0)])
        *_, last = early.qa.Ask(asked, timeout=8, wait_for_ready=True)
        assert last.served.stale
    finally:
        early.stop()


def test_a_killed_service_answers_the_same_and_remembers_the_conversation(house: Any, shop: str) -> None:
    before = house.answer(shop, "How do I return an item?", user="eli")
    house.kill_and_start()
    while "knowledge" in {each.component for each in house.ask(shop, "Read?")[-1].served.fallbacks}:
        pass  # until what was taught is read again: the reply says while it is not
    after = house.answer(shop, "How do I return an item?", user="eli")
    assert (after.text, after.probability, after.citations) == (before.text, before.probability, before.citations)
    assert [turn.question for turn in house.dialogue(shop, "eli", before.dialogue_id).turns] == [
        "How do I return an item?"
    ]
    mark = house.teach(shop, "delivery.cost", "en", answer="Free since the restart.")
    assert house.answer(shop, "How much is delivery?", mark).text == "Free since the restart."
