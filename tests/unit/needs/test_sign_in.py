"""Who signs in is who they were before; who is erased never signed in."""

from __future__ import annotations

import json
import time
from typing import Any

from confluent_kafka import Consumer

from attune.needs.v1 import needs_pb2 as pb
from attune.types.v1.types_pb2 import UserRef

ERASURES = "attune.erasures.v1"


def done(need: Any) -> list[str]:
    return [behavior.product_id or behavior.text for behavior in need.spectrum]


def wishes(house: Any, shop: str) -> list[tuple[str, str]]:
    """Event id and user of what other services are told to forget."""
    settings = {"bootstrap.servers": house.kafka, "group.id": shop, "auto.offset.reset": "earliest"}
    reader = Consumer({**settings, "enable.partition.eof": True})
    reader.subscribe([ERASURES])
    found, ends = [], set[int]()
    until = time.monotonic() + 20
    while len(ends) < 4 and time.monotonic() < until:
        record = reader.poll(1)
        if record is None:
            continue
        if record.error():
            ends.add(record.partition())
            continue
        wish = json.loads(record.value())
        if wish["tenant"] == shop:
            assert record.key().decode() == wish["user_id"]
            found.append((wish["event_id"], wish["user_id"]))
    reader.close()
    return found


def test_what_someone_did_before_signing_in_is_part_of_their_need(house: Any, shop: str) -> None:
    before = [house.click(shop, "anon:1", "tea"), house.query(shop, "anon:1", "a tent for two")]
    after = [house.identify(shop, "ann", "anon:1"), house.click(shop, "ann", "kettle")]
    need = house.need(shop, "ann", *before, *after)
    assert set(done(need)) == {"tea", "a tent for two", "kettle"}
    assert (list(need.also_known_as), need.behaviors) == (["anon:1"], 3)
    assert house.profile(shop, "ann").kinds == {"click": 2}
    assert done(house.need(shop, "anon:1")) != []  # the session stays what it was
    assert list(house.need(shop, "anon:1").also_known_as) == []


def test_signing_in_again_and_late_events_count_once(house: Any, shop: str) -> None:
    marks = [house.click(shop, "anon:1", "tea")]
    marks += [house.identify(shop, "ann", "anon:1", event_id=f"login-{i % 2}") for i in range(4)]
    marks += [house.click(shop, "anon:1", "tent")]  # was on its way while she signed in
    need = house.need(shop, "ann", *marks)
    assert sorted(done(need)) == ["tea", "tent"]
    assert list(need.also_known_as) == ["anon:1"]


def test_signing_in_alone_makes_nobody_known(house: Any, shop: str) -> None:
    need = house.need(shop, "ann", house.identify(shop, "ann", "anon:1"))
    assert (need.known, list(need.also_known_as)) == (False, ["anon:1"])


def test_of_too_many_ids_the_newest_are_read_and_the_reply_says_so(house: Any, shop: str) -> None:
    marks = [house.click(shop, "anon:0", "tea"), house.click(shop, "anon:39", "tent")]
    marks += [house.identify(shop, "ann", f"anon:{i}") for i in range(40)]
    user = UserRef(tenant=shop, user_id="ann")
    reply = house.needs.GetNeed(pb.GetNeedRequest(user=user, at_least=marks), timeout=15)
    assert done(reply.need) == ["tent"]
    assert (len(reply.need.also_known_as), reply.need.also_known_as[0]) == (32, "anon:39")
    assert [each.component for each in reply.served.fallbacks] == ["also_known_as"]


def test_who_is_erased_is_forgotten_under_all_ids_in_every_service(house: Any, shop: str) -> None:
    marks = [house.click(shop, user, "tea") for user in ("ann", "anon:1", "anon:2", "anon:3")]
    marks += [house.identify(shop, "ann", f"anon:{i}") for i in (1, 2)]
    assert house.need(shop, "ann", *marks).behaviors == 3
    assert house.erase(shop, "ann")["redis need"] == 3
    for user, known in (("ann", False), ("anon:1", False), ("anon:2", False), ("anon:3", True)):
        assert house.need(shop, user).known is known
    assert sorted(user for _, user in wishes(house, shop)) == ["anon:1", "anon:2"]
    late = house.identify(shop, "ann", "anon:3")  # happened before the wish
    assert list(house.need(shop, "ann", late).also_known_as) == []


def test_an_erasure_of_the_log_forgets_all_ids_too_and_a_repeat_is_the_same_wish(house: Any, shop: str) -> None:
    marks = [house.click(shop, "anon:1", "tea"), house.identify(shop, "ann", "anon:1")]
    assert house.need(shop, "ann", *marks).known
    wish = {"event_id": "wish", "tenant": shop, "user_id": "ann", "requested_at": house.stamped(60)["occurred_at"]}
    asked = [house.send(ERASURES, "ann", wish), house.send(ERASURES, "ann", wish)]
    assert (house.need(shop, "ann", *asked).known, house.need(shop, "anon:1").known) == (False, False)
    late = house.click(shop, "anon:1", "tea")
    assert house.need(shop, "anon:1", late).known is False
    assert len({event for event, user in wishes(house, shop) if user == "anon:1"}) == 1


def test_who_was_erased_may_sign_in_anew(house: Any, shop: str) -> None:
    house.need(shop, "ann", house.identify(shop, "ann", "anon:1"))
    house.erase(shop, "ann")
    new = house.from_now_on()
    marks = [house.click(shop, "anon:9", "tent", **new), house.identify(shop, "ann", "anon:9", **new)]
    assert done(house.need(shop, "ann", *marks)) == ["tent"]


def test_ids_that_lead_in_a_circle_are_all_forgotten(house: Any, shop: str) -> None:
    ring = [("ann", "bob"), ("bob", "cid"), ("cid", "ann")]
    marks = [house.identify(shop, user, before) for user, before in ring]
    marks += [house.click(shop, user, "tea") for user, _ in ring]
    house.need(shop, "ann", *marks)
    assert house.erase(shop, "ann")["redis need"] == 3
    assert [house.need(shop, user).known for user, _ in ring] == [False] * 3


def test_an_anonymous_id_can_be_erased_alone(house: Any, shop: str) -> None:
    marks = [house.click(shop, "anon:1", "tea"), house.click(shop, "ann", "tent")]
    marks += [house.identify(shop, "ann", "anon:1")]
    assert house.need(shop, "ann", *marks).behaviors == 2
    house.erase(shop, "anon:1")
    assert done(house.need(shop, "ann")) == ["tent"]


def test_a_watcher_hears_of_what_is_done_under_an_old_id(house: Any, shop: str) -> None:
    watched = house.needs.WatchNeed(pb.WatchNeedRequest(user=UserRef(tenant=shop, user_id="ann")), timeout=20)
    assert next(watched).need.known is False
    house.identify(shop, "ann", "anon:1")
    assert list(next(watched).need.also_known_as) == ["anon:1"]
    house.click(shop, "anon:1", "tea")
    assert done(next(watched).need) == ["tea"]
    watched.cancel()
