"""The service as others meet it: plain JSON producers, gRPC callers, engines that come and go."""

from __future__ import annotations

import signal
import time
from typing import Any

import grpc
import pytest
from ports import free_port

from attune.needs.v1 import needs_pb2 as pb
from attune.needs.v1.needs_pb2_grpc import NeedsServiceStub
from attune.types.v1.types_pb2 import UserRef, Watermark

CLICKS, USERS, ERASURES = "attune.clickstream.v1", "attune.users.v1", "attune.erasures.v1"


def test_a_click_moves_the_need_towards_the_product(house: Any, shop: str) -> None:
    before = house.need(shop, "ann")
    after = house.need(shop, "ann", house.click(shop, "ann", "kettle"), with_vectors=True)
    assert (before.known, after.known, after.behaviors) == (False, True, 1)
    assert house.like(after, "kettle") == pytest.approx(1, abs=1e-3)
    assert house.like(after, "shoes") < 0.5
    assert after.spectrum[0].product_id == "kettle"
    assert after.spectrum[0].vector.space == after.vector.space
    assert [word.word for word in after.words] == ["kettle", "red", "tea"]


def test_a_search_in_chinese_moves_the_need_towards_english_products(house: Any, shop: str) -> None:
    need = house.need(shop, "ann", house.query(shop, "ann", "跑鞋"))
    assert house.like(need, "shoes") > house.like(need, "tea")
    assert house.profile(shop, "ann").language == "zh"


def test_the_words_of_a_review_are_kept(house: Any, shop: str) -> None:
    need = house.need(shop, "ann", house.click(shop, "ann", "tent", "review", rating=5, text="Dry in any storm"))
    assert [behavior.text or behavior.product_id for behavior in need.spectrum] == ["tent", "Dry in any storm"]


def test_an_event_sent_twice_counts_once(house: Any, shop: str) -> None:
    house.click(shop, "ann", "tent", event_id="the same")
    again = house.click(shop, "ann", "tent", event_id="the same")
    assert house.need(shop, "ann", again).behaviors == 1


def test_the_record_of_the_shop_is_kept_until_it_is_gone(house: Any, shop: str) -> None:
    record = {"tenant": shop, "user_id": f"ann-{shop}", "tier": "gold", "consents": {"marketing": False}}
    profile = house.profile(shop, record["user_id"], house.send(USERS, record["user_id"], record))
    assert (profile.known, profile.tier, dict(profile.consents)) == (True, "gold", {"marketing": False})
    gone = house.profile(shop, record["user_id"], house.send(USERS, record["user_id"], None))
    assert (gone.known, gone.tier) == (False, "")


def test_a_need_tells_what_the_shop_keeps_of_the_person_when_asked_for_it(house: Any, shop: str) -> None:
    record = {"tenant": shop, "user_id": "ann", "tier": "gold", "region": "DE", "attributes": {"adult": "true"}}
    kept = house.send(USERS, "ann", record)
    asked = house.need(shop, "ann", kept, with_person=True)
    assert (asked.tier, asked.region, dict(asked.shop_attributes)) == ("gold", "DE", {"adult": "true"})
    unasked = house.need(shop, "ann", kept)
    assert (unasked.tier, unasked.region, dict(unasked.shop_attributes)) == ("", "", {})


def test_the_same_person_in_two_shops_is_two_persons(house: Any, shop: str) -> None:
    house.product(f"{shop}b", "tent")
    here = house.click(shop, "ann", "tea")
    assert house.need(f"{shop}b", "ann", here).known is False


def test_who_is_erased_is_gone_and_old_events_do_not_bring_them_back(house: Any, shop: str) -> None:
    house.need(shop, "ann", house.click(shop, "ann", "tea"), house.query(shop, "ann", "tea"))
    assert house.erase(shop, "ann") == {
        "redis need": 1,
        "redis need words": 1,
        "redis need shop record": 0,
        "redis need links": 0,
    }
    assert sum(house.erase(shop, "ann").values()) == 0
    late = house.click(shop, "ann", "tea")  # happened an hour ago
    assert house.need(shop, "ann", late).known is False
    new = house.click(shop, "ann", "tent", **house.from_now_on())
    assert [b.product_id for b in house.need(shop, "ann", new).spectrum] == ["tent"]


def test_a_wish_that_is_known_already_removes_nothing_of_what_happened_since(house: Any, shop: str) -> None:
    house.need(shop, "ann", house.click(shop, "ann", "tea"))
    house.erase(shop, "ann")
    house.need(shop, "ann", house.click(shop, "ann", "tent", **house.from_now_on()))
    wish = {"event_id": "late", "tenant": shop, "user_id": "ann", "requested_at": house.stamped(60)["occurred_at"]}
    asked = house.send(ERASURES, "ann", wish)
    assert [b.product_id for b in house.need(shop, "ann", asked).spectrum] == ["tent"]


def test_an_erasure_of_the_log_does_the_same(house: Any, shop: str) -> None:
    house.need(shop, "ann", house.click(shop, "ann", "tea"))
    wish = {"event_id": "wish", "tenant": shop, "user_id": "ann", "requested_at": house.stamped(60)["occurred_at"]}
    asked = house.send(ERASURES, "ann", wish)
    assert house.need(shop, "ann", asked).known is False
    assert house.need(shop, "ann", house.click(shop, "ann", "tea")).known is False


def test_a_watcher_is_told_of_each_change(house: Any, shop: str) -> None:
    watched = house.needs.WatchNeed(pb.WatchNeedRequest(user=UserRef(tenant=shop, user_id="ann")), timeout=20)
    assert next(watched).need.known is False
    house.click(shop, "ann", "tea")
    assert next(watched).need.behaviors == 1
    house.query(shop, "ann", "tent")
    assert next(watched).need.behaviors == 2
    watched.cancel()


def test_a_watermark_that_is_not_reached_is_told_as_stale(house: Any, shop: str) -> None:
    far = Watermark(topic=CLICKS, partition=0, offset=10**9)
    request = pb.GetNeedRequest(user=UserRef(tenant=shop, user_id="ann"), at_least=[far])
    reply = house.needs.GetNeed(request, timeout=0.5)
    assert (reply.served.stale, reply.served.by) == (True, [house.space])


def test_a_killed_service_answers_the_same_and_loses_nothing(house: Any, shop: str) -> None:
    before = house.need(shop, "ann", house.click(shop, "ann", "kettle"), house.query(shop, "ann", "tea"))
    house.process.send_signal(signal.SIGKILL)
    house.process.wait(10)
    meanwhile = house.click(shop, "bob", "tent")
    house.process = house.start_needs()
    assert house.need(shop, "ann", timeout=30) == before
    assert house.need(shop, "bob", meanwhile, timeout=30).behaviors == 1


def test_while_redis_is_away_callers_are_told_and_events_wait(house: Any, shop: str) -> None:
    house.need(shop, "ann", house.click(shop, "ann", "kettle"))
    house.redis.send_signal(signal.SIGKILL)
    house.redis.wait(10)
    with pytest.raises(grpc.RpcError) as away:
        house.needs.GetNeed(pb.GetNeedRequest(user=UserRef(tenant=shop, user_id="ann")), timeout=5)
    assert away.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "ATTUNE_REDIS_URL" in house.violation(away.value).description
    waiting = house.click(shop, "ann", "tea")
    house.start_redis()
    assert recovered(house, shop, waiting).behaviors == 2


def recovered(house: Any, shop: str, at_least: Watermark) -> Any:
    until = time.monotonic() + 20
    while True:
        try:
            return house.need(shop, "ann", at_least)
        except grpc.RpcError as away:
            if away.code() is not grpc.StatusCode.UNAVAILABLE or time.monotonic() > until:
                raise


def test_each_replica_tells_what_another_one_has_learned(house: Any, shop: str) -> None:
    port = free_port()
    second = house.start_needs(port)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            replicas = [house.needs, NeedsServiceStub(channel)]
            house.needs.GetNeed(ask(shop, "ann"), timeout=30, wait_for_ready=True)
            replicas[1].GetNeed(ask(shop, "ann"), timeout=30, wait_for_ready=True)
            for number in range(8):  # people of several partitions, some the first one's and some the second one's
                user = f"user-{number}"
                written = house.click(shop, user, "tea")
                for replica in replicas:
                    reply = replica.GetNeed(ask(shop, user, written), timeout=20)
                    assert (reply.served.stale, reply.need.behaviors) == (False, 1)
    finally:
        second.terminate()
        assert second.wait(10) == 0


def ask(shop: str, user: str, *at_least: Watermark) -> pb.GetNeedRequest:
    return pb.GetNeedRequest(user=UserRef(tenant=shop, user_id=user), at_least=at_least)
