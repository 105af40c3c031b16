"""What the service refuses, how it says so, and that nothing else is lost."""

from __future__ import annotations

import base64
from typing import Any

import grpc
import numpy as np
import pytest

from attune.needs.v1 import needs_pb2 as pb
from attune.types.v1.types_pb2 import UserRef, Watermark

CLICKS, QUERIES = "attune.clickstream.v1", "attune.queries.v1"

BAD = {
    "malformed json": ({"value": b"{"}, "malformed-json", ""),
    "not an object": ({"value": b"[]"}, "malformed-json", ""),
    "unknown kind": ({"kind": "teleport"}, "unknown-enum", "kind"),
    "wrong type": ({"product_id": 7}, "wrong-type", "product_id"),
    "no event id": ({"event_id": ""}, "invalid-field", "event_id"),
    "control characters": ({"product_id": "a\x00b"}, "invalid-field", "product_id"),
    "unknown product": ({"product_id": "nobody's"}, "unknown-product", "product_id"),
    "wrong key": ({"key": "bob"}, "wrong-key", "key"),
    "of the future": ({"occurred_at": "2999-01-01T00:00:00Z"}, "future", "occurred_at"),
    "too large": ({"text": "x" * 2_000_000}, "too-large", "value"),
}


@pytest.mark.parametrize(("wrong", "reason", "field"), BAD.values(), ids=BAD)
def test_a_bad_click_is_dead_with_its_reason_and_the_next_one_counts(
    house: Any, shop: str, wrong: dict[str, Any], reason: str, field: str
) -> None:
    if "value" in wrong:
        bad = house.send(CLICKS, "ann", wrong["value"])
    else:
        bad = house.click(shop, "ann", wrong.pop("product_id", "tea"), **wrong)
    good = house.click(shop, "ann", "tea")
    assert house.need(shop, "ann", good).behaviors == 1
    dead = house.dead_letter(bad)
    assert (dead["dead-reason"], dead["dead-field"], dead["dead-service"]) == (reason, field, "needs")
    assert dead["dead-remedy"]


def test_a_producer_with_another_partitioner_is_told_which_one_to_use(house: Any, shop: str) -> None:
    right = house.click(shop, "ann", "tea").partition
    dead = house.dead_letter(house.click(shop, "ann", "tea", partition=(right + 1) % 4))
    assert dead["dead-reason"] == "wrong-partition"
    assert "murmur2" in dead["dead-remedy"]


def test_a_vector_of_another_space_is_dead_and_names_both_spaces(house: Any, shop: str) -> None:
    other = {"data": base64.b64encode(np.eye(1, 4, dtype="<f4").tobytes()).decode(), "dim": 4, "space": "other@1"}
    dead = house.dead_letter(house.product(shop, "tea", vectors=[other]))
    assert (dead["dead-reason"], dead["dead-value"]) == ("space", "other@1")
    assert house.space in dead["dead-remedy"]


def test_a_picture_is_dead_while_no_encoder_reads_it(house: Any, shop: str) -> None:
    event = {"tenant": shop, "user_id": "ann", "kind": "search", **house.stamped()}
    dead = house.dead_letter(house.send(QUERIES, "ann", {**event, "image": {"uri": "x", "mime_type": "image/png"}}))
    assert (dead["dead-reason"], dead["dead-field"]) == ("no-encoder", "image")


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.GetNeedRequest(), "user"),
        (pb.GetNeedRequest(user=UserRef()), "user.user_id"),
        (pb.GetNeedRequest(user=UserRef(user_id="a\x00b")), "user.user_id"),
        (pb.GetNeedRequest(user=UserRef(user_id="x" * 129)), "user.user_id"),
        (pb.GetNeedRequest(user=UserRef(user_id="ann", tenant="My Shop")), "user.tenant"),
        (pb.GetNeedRequest(user=UserRef(user_id="ann"), mode=99), "mode"),
        (
            pb.GetNeedRequest(user=UserRef(user_id="ann"), at_least=[Watermark(topic="t", offset=-1)]),
            "at_least[0].offset",
        ),
    ],
    ids=str,
)
def test_a_bad_request_names_the_field_and_the_remedy(house: Any, request_: Any, field: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        house.needs.GetNeed(request_, timeout=5, wait_for_ready=True)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    found = house.violation(refused.value)
    assert found.field == field
    assert found.description
