"""A need as the service explains it: shares, visits, moments, suppositions, questions about products."""

from __future__ import annotations

from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from attune.needs.v1 import needs_pb2 as pb
from attune.types.v1.types_pb2 import UserRef


def supposed(kind: int, product: str) -> pb.Supposed:
    return pb.Supposed(kind=kind, product_id=product)


def moment(stamp: str) -> Timestamp:
    at = Timestamp()
    at.FromJsonString(stamp)
    return at


def test_each_behaviour_tells_its_share_of_the_need(house: Any, shop: str) -> None:
    need = house.need(shop, "ann", house.click(shop, "ann", "kettle"), house.query(shop, "ann", "green tea"))
    assert sum(b.share for b in need.spectrum) + need.earlier_share == pytest.approx(1, abs=1e-6)
    assert all(b.share > 0 for b in need.spectrum)


def test_a_brief_need_says_the_same_without_explaining_it(house: Any, shop: str) -> None:
    whole = house.need(shop, "ann", house.click(shop, "ann", "kettle"), house.query(shop, "ann", "green tea"))
    request = pb.GetNeedRequest(user=UserRef(tenant=shop, user_id="ann"), brief=True)
    brief = house.needs.GetNeed(request, timeout=15)
    columns = brief.columns
    told = zip(columns.kinds, columns.product_ids, columns.texts, columns.weights, strict=True)
    assert list(told) == [(b.kind, b.product_id, b.text, b.weight) for b in whole.spectrum]
    words = zip(columns.words, np.frombuffer(columns.word_weights, dtype="<f4").tolist(), strict=True)
    assert list(words) == [(word.word, word.weight) for word in whole.words]
    for explained in ("spectrum", "words", "earlier_share", "session", "long_term", "last_at"):
        whole.ClearField(explained)
    assert brief.need == whole


def test_a_stream_of_requests_is_answered_like_calls(house: Any, shop: str) -> None:
    house.need(shop, "ann", house.click(shop, "ann", "kettle"))
    asked = [
        pb.GetNeedRequest(user=UserRef(tenant=shop, user_id=user), brief=brief)
        for user in ("ann", "nobody")
        for brief in (True, False)
    ]
    told = list(house.needs.GetNeeds(iter(asked), timeout=15))
    called = [house.needs.GetNeed(each, timeout=15) for each in asked]
    assert [(reply.need, reply.columns) for reply in told] == [(reply.need, reply.columns) for reply in called]


def test_this_visit_is_told_apart_from_what_came_before(house: Any, shop: str) -> None:
    old = house.click(shop, "ann", "tent", **house.stamped(-86_400))
    need = house.need(shop, "ann", old, house.click(shop, "ann", "tea"))
    same = pb.Need(vector=need.session)
    assert house.like(same, "tea") == pytest.approx(1, abs=1e-3)
    assert house.like(pb.Need(vector=need.long_term), "tent") == pytest.approx(1, abs=1e-3)


def test_a_return_takes_its_purchase_back(house: Any, shop: str) -> None:
    bought = house.click(shop, "ann", "tent", "purchase")
    assert house.profile(shop, "ann", bought).categories[0].name == "for tent"
    back = house.click(shop, "ann", "tent", "return", **house.stamped(60))
    assert house.like(house.need(shop, "ann", back), "tent") < 0
    profile = house.profile(shop, "ann")
    assert (list(profile.categories), dict(profile.kinds)) == ([], {"purchase": 1, "return": 1})


def test_a_short_look_moves_nothing_and_a_long_one_more_than_a_view(house: Any, shop: str) -> None:
    looks = [("tea", 500), ("kettle", 0), ("tent", 90_000)]
    marks = [house.click(shop, "ann", product, "view", dwell_ms=look) for product, look in looks]
    shares = {b.product_id: b.share for b in house.need(shop, "ann", *marks).spectrum}
    assert shares["tea"] == 0
    assert shares["tent"] > shares["kettle"] > 0


def test_a_question_about_a_product_speaks_for_the_product(house: Any, shop: str) -> None:
    words = house.query(shop, "ann", "is it waterproof?", "question")
    alone = house.like(house.need(shop, "ann", words), "tent")
    about = house.query(shop, "bob", "is it waterproof?", "question", product_id="tent")
    need = house.need(shop, "bob", about)
    assert house.like(need, "tent") > alone
    assert [(b.kind, b.product_id, b.text) for b in need.spectrum if b.product_id] == [(0, "tent", "")]
    assert need.behaviors == 1
    assert house.profile(shop, "bob").kinds == {"asked": 1}


def test_a_question_about_a_product_nobody_knows_counts_by_its_words(house: Any, shop: str) -> None:
    need = house.need(shop, "ann", house.query(shop, "ann", "is it green tea?", "question", product_id="gone"))
    assert [b.text for b in need.spectrum] == ["is it green tea?"]


def test_a_need_is_told_as_of_a_moment(house: Any, shop: str) -> None:
    first = house.stamped(60)
    marks = [house.click(shop, "ann", "tea", **first), house.click(shop, "ann", "tent", **house.stamped(120))]
    need = house.need(shop, "ann", *marks, as_of=moment(first["occurred_at"]))
    assert [b.product_id for b in need.spectrum] == ["tea"]
    assert (need.as_of.ToJsonString(), need.incomplete, need.behaviors) == (first["occurred_at"], False, 1)
    assert not house.need(shop, "ann").HasField("as_of")


def test_what_if_moves_the_need_and_nothing_is_remembered(house: Any, shop: str) -> None:
    before = house.need(shop, "ann", house.click(shop, "ann", "tea"))
    supposing = house.need(shop, "ann", what_if=[supposed(1, "tent"), supposed(5, "shoes")])
    assert [b.product_id for b in supposing.spectrum] == ["shoes", "tent", "tea"]
    assert (supposing.simulated, before.simulated) == (True, False)
    assert house.like(supposing, "shoes") > house.like(before, "shoes")
    assert house.need(shop, "ann") == before


def test_a_supposed_product_that_nobody_knows_is_refused_by_its_name(house: Any, shop: str) -> None:
    request = pb.GetNeedRequest(user=UserRef(tenant=shop, user_id="ann"), what_if=[supposed(1, "unheard-of")])
    with pytest.raises(grpc.RpcError) as refused:
        house.needs.GetNeed(request, timeout=5)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert "unheard-of" in refused.value.details()


@pytest.mark.parametrize("kind", [0, 10, 12])
def test_what_is_no_behaviour_towards_a_product_cannot_be_supposed(house: Any, shop: str, kind: int) -> None:
    request = pb.GetNeedRequest(user=UserRef(tenant=shop, user_id="ann"), what_if=[supposed(kind, "tea")])
    with pytest.raises(grpc.RpcError) as refused:
        house.needs.GetNeed(request, timeout=5)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "what_if[0].kind" in house.violation(refused.value).field
