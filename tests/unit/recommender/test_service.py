"""The service as others meet it: plain JSON producers, gRPC callers, a needs service that comes and goes."""

from __future__ import annotations

import time
from concurrent import futures
from typing import Any

import grpc
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from attune.events.v1.product_vectors_pb2 import ProductVectors
from attune.needs.v1 import needs_pb2
from attune.needs.v1.needs_pb2_grpc import NeedsServiceServicer, add_NeedsServiceServicer_to_server
from attune.recommender.v1 import recommender_pb2 as pb
from attune.types.v1.types_pb2 import Money, UserRef, Vector


def ids(reply: Any) -> list[str]:
    return [offer.product.product_id for offer in reply.recommendations]


def in_words(reply: Any) -> list[tuple[str, str]]:
    return [(fallback.component, fallback.used) for fallback in reply.served.fallbacks]


@pytest.fixture
def stocked(house: Any, tenant: str, catalogue: Any) -> str:
    """A shop of its own with nine products."""
    house.recommend(tenant, "nobody", *[house.load(tenant, each) for each in catalogue])
    return tenant


def test_an_event_moves_the_next_recommendation(house: Any, stocked: str) -> None:
    for user in ("bob", "eve"):
        for product in ("kettle", "shoe"):
            house.act(stocked, f"{user}-{stocked}", product)
    before = ids(house.recommend(stocked, "ann"))
    reply = house.recommend(stocked, "ann", house.act(stocked, "ann", "kettle", "add_to_cart"))
    assert not reply.served.stale
    assert "kettle" in before
    assert "kettle" not in ids(reply)
    assert in_words(reply) == [("needs", "history")]
    for offer in reply.recommendations:
        assert offer.score.value == sum(term.contribution for term in offer.score.terms)
    assert {mark.topic for mark in reply.served.applied} >= {"attune.catalog.v1", "attune.clickstream.v1"}


def test_a_record_that_is_no_product_goes_to_the_dead_letters_and_the_next_one_counts(
    house: Any, stocked: str, kafka: str
) -> None:
    related = {"tenant": stocked, "product_id": "self", "title": {"en": "Self"}}
    related["relations"] = [{"kind": "goes_with", "product_id": "self"}]
    for bad in (b"{", {"tenant": stocked, "product_id": "x"}, related):
        house.send("attune.catalog.v1", "self", bad)
    good = house.load(stocked, {"product_id": "self", "title": {"en": "Good after bad"}})
    reply = house.recommend(stocked, "ann", good, k=50)
    assert "self" in ids(reply)
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": stocked, "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition("attune.catalog.v1.dead", partition, OFFSET_BEGINNING) for partition in range(4)])
    until, reasons = time.monotonic() + 20, set()
    while time.monotonic() < until and len(reasons) < 3:
        message = consumer.poll(0.2)
        if message is not None and not message.error():
            reasons |= {value for name, value in message.headers() if name == "dead-reason"}
    consumer.close()
    assert len(reasons) == 3


def test_products_are_told_with_vectors_words_and_facets(stocked: str, kafka: str) -> None:
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": f"v{stocked}", "auto.offset.reset": "earliest"})
    consumer.assign(
        [TopicPartition("attune.product-vectors.v1", partition, OFFSET_BEGINNING) for partition in range(4)]
    )
    until, found = time.monotonic() + 20, {}
    while time.monotonic() < until and "kettle" not in found:
        message = consumer.poll(0.2)
        if message is not None and not message.error() and message.value():
            told = ProductVectors.FromString(message.value())
            found |= {told.product_id: told} if told.tenant == stocked else {}
    consumer.close()
    kettle = found["kettle"]
    assert (kettle.category, kettle.brand, kettle.price.amount) == ("kitchen/kettles", "Ember", "39.90")
    assert kettle.vectors[0].dim * 4 == len(kettle.vectors[0].data)
    assert {"kettl", "tea"} <= {word.word for word in kettle.words}


def test_a_stated_watermark_that_is_not_reached_makes_the_reply_stale(house: Any, stocked: str) -> None:
    mark = house.act(stocked, "ann", "kettle")
    mark.offset += 1000
    request = pb.RecommendRequest(user=UserRef(tenant=stocked, user_id="ann"), at_least=[mark])
    assert house.stub.Recommend(request, timeout=0.5).served.stale


@pytest.mark.parametrize(
    ("call", "request_", "code", "says"),
    [
        ("Similar", pb.SimilarRequest(product_id="nope"), grpc.StatusCode.NOT_FOUND, "nope"),
        (
            "Explain",
            pb.ExplainRequest(user=UserRef(user_id="ann"), product_id="nope"),
            grpc.StatusCode.NOT_FOUND,
            "attune.catalog.v1",
        ),
        (
            "Search",
            pb.SearchRequest(vector=Vector(data=b"\0" * 16, dim=4, space="other@1")),
            grpc.StatusCode.INVALID_ARGUMENT,
            "other@1",
        ),
        (
            "Search",
            pb.SearchRequest(
                text="tea",
                filter=pb.Filter(
                    min_price=Money(currency="EUR", amount="50"), max_price=Money(currency="EUR", amount="20")
                ),
            ),
            grpc.StatusCode.INVALID_ARGUMENT,
            "exchange them",
        ),
        ("Search", pb.SearchRequest(text=""), grpc.StatusCode.INVALID_ARGUMENT, "text"),
        ("Search", pb.SearchRequest(text="x" * 100_000), grpc.StatusCode.INVALID_ARGUMENT, "1000"),
        ("Recommend", pb.RecommendRequest(user=UserRef(user_id="a\nb")), grpc.StatusCode.INVALID_ARGUMENT, "control"),
        ("Recommend", pb.RecommendRequest(), grpc.StatusCode.INVALID_ARGUMENT, "user"),
    ],
)
def test_a_bad_request_is_refused_with_what_is_wrong(
    house: Any, call: str, request_: Any, code: grpc.StatusCode, says: str
) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        getattr(house.stub, call)(request_, timeout=5)
    assert refused.value.code() is code
    assert says in refused.value.details()


def test_products_are_given_as_the_catalogue_has_them(house: Any, stocked: str) -> None:
    reply = house.stub.GetProducts(pb.GetProductsRequest(tenant=stocked, product_ids=["pot", "nope", "kettle"]))
    assert [product.product_id for product in reply.products] == ["pot", "kettle"]
    assert reply.products[0].title["zh"] == "玻璃茶壶"
    assert list(reply.missing) == ["nope"]


def test_an_erased_person_is_unknown_and_older_events_do_not_return(house: Any, stocked: str) -> None:
    house.recommend(stocked, "ann", house.act(stocked, "ann", "kettle"))
    request = pb.EraseUserRequest(user=UserRef(tenant=stocked, user_id="ann"))
    assert house.stub.EraseUser(request).erased[0].count == 1
    assert house.stub.EraseUser(request).erased[0].count == 0
    assert "kettle" in ids(house.recommend(stocked, "ann", k=50))


def test_a_killed_service_answers_the_same_when_it_is_back(house: Any, stocked: str) -> None:
    for user in ("bob", "ann"):
        mark = house.act(stocked, user, "kettle", "purchase")
        mark = house.act(stocked, user, "cup") if user == "bob" else mark
    before = house.recommend(stocked, "ann", mark)
    house.kill()
    house.start()
    after = house.recommend(stocked, "ann", mark)
    assert list(after.recommendations) == list(before.recommendations)


class Needs(NeedsServiceServicer):
    def GetNeed(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        return needs_pb2.GetNeedResponse(need=needs_pb2.Need(user=request.user, known=True, language="zh"))


def test_a_needs_service_that_comes_back_is_asked_again_without_a_restart(house: Any, stocked: str) -> None:
    house.recommend(stocked, "bob", house.act(stocked, "bob", "kettle"), house.act(stocked, "bob", "pot"))
    reply = house.recommend(stocked, "ann", house.act(stocked, "ann", "kettle"))
    assert in_words(reply) == [("needs", "history")]
    server = grpc.server(futures.ThreadPoolExecutor(4))
    add_NeedsServiceServicer_to_server(Needs(), server)
    server.add_insecure_port(house.needs_address)
    server.start()
    until = time.monotonic() + 15
    while in_words(reply) and time.monotonic() < until:
        reply = house.recommend(stocked, "ann")
    server.stop(0).wait()
    assert in_words(reply) == []
    assert "不锈钢水壶" in reply.recommendations[0].reason


def test_what_a_shop_decides_is_told_and_outlives_the_process(house: Any, stocked: str) -> None:
    rule = {"rule_id": f"no-tea-{stocked}", "tenant": stocked, "match": {"categories": ["food/teas"]}, "exclude": {}}
    ranker = {"tenant": stocked, "version": "v2", "weights": {"trend": 0.5}}
    marks = [
        house.send("attune.rules.v1", rule["rule_id"], rule),
        house.send("attune.rankers.v1", stocked, ranker),
    ]
    assert house.recommend(stocked, "ann", *marks).ranker == "v2"
    house.kill()
    house.start()
    reply = house.stub.GetPolicy(pb.GetPolicyRequest(tenant=stocked))
    assert [each.rule_id for each in reply.rules] == [rule["rule_id"]]
    assert (reply.ranker.version, reply.ranker.weights["trend"], reply.ranker.weights["sim.dense"]) == ("v2", 0.5, 0.1)
    assert "food/teas" in reply.remarks[0].remark
    gone = [house.send("attune.rules.v1", rule["rule_id"], None), house.send("attune.rankers.v1", stocked, None)]
    assert house.recommend(stocked, "ann", *gone).ranker == "shipped"
    assert not house.stub.GetPolicy(pb.GetPolicyRequest(tenant=stocked)).rules


def test_a_rule_is_looked_at_before_it_is_sent(house: Any, stocked: str) -> None:
    request = pb.GetPolicyRequest(tenant=stocked)
    request.with_rules.add(rule_id="r").exclude.SetInParent()
    with pytest.raises(grpc.RpcError) as refused:
        house.stub.GetPolicy(request)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "excludes everything" in refused.value.details()


def test_a_senseless_rule_has_one_dead_letter_however_often_it_is_read(house: Any, stocked: str, kafka: str) -> None:
    mark = house.send("attune.rules.v1", f"all-{stocked}", {"rule_id": f"all-{stocked}", "exclude": {}})
    house.recommend(stocked, "ann", mark)
    house.kill()
    house.start()
    house.recommend(stocked, "ann", mark)
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": f"d{stocked}", "auto.offset.reset": "earliest"})
    place = TopicPartition("attune.rules.v1.dead", mark.partition, OFFSET_BEGINNING)
    consumer.assign([place])
    _, end = consumer.get_watermark_offsets(place)
    letters = [message for message in consumer.consume(end, 10) if message.key().decode() == f"all-{stocked}"]
    consumer.close()
    (headers,) = [dict(message.headers()) for message in letters]
    assert headers["dead-field"] == b"match"


def test_what_was_read_out_of_words_is_told_as_a_request_would_say_it(house: Any, stocked: str) -> None:
    request = pb.SearchRequest(tenant=stocked, text="ketle under 40 euros without glass", k=3, with_facets=True)
    reply = house.stub.Search(request, timeout=10)
    assert ids(reply)[0] == "kettle"
    told = reply.reading
    assert (told.text, list(told.typed), list(told.corrected)) == ("kettle", ["ketle"], ["kettle"])
    assert told.filter.max_price == Money(currency="EUR", amount="40")
    assert list(told.without) == ["glass"]
    assert {facet.name for facet in reply.facets} >= {"category", "brand", "price"}
    assert reply.found >= len(reply.recommendations)
    assert house.stub.Search(pb.SearchRequest(tenant=stocked, text="kettle under 1"), timeout=10).shortage == (
        "no product costs 1 EUR or less"
    )
