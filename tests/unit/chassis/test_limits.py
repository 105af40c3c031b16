"""How often and how many at once: the arithmetic, and whose call it is."""

from __future__ import annotations

from typing import Any

import pytest

from attune.needs.v1 import needs_pb2
from attune.qa.v1 import qa_pb2
from attune.recommender.v1 import recommender_pb2
from attune.types.v1.types_pb2 import UserRef
from chassis.rpc.limits import Admission, Rate
from chassis.rpc.tenant import tenant_of


def test_a_full_bucket_gives_its_burst_and_then_one_token_for_each_interval() -> None:
    rate = Rate(per_second=10, burst=3)
    assert [rate.take("a", 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert rate.take("a", 0.0) == pytest.approx(0.1)
    assert rate.take("a", 0.1001) == 0.0
    assert rate.take("a", 0.1002) > 0.0
    assert [rate.take("a", 100.0) for _ in range(4)].count(0.0) == 3


def test_who_comes_back_when_told_to_is_served() -> None:
    rate = Rate(per_second=10, burst=1)
    rate.take("a", 0.0)
    waits = sorted(rate.take("a", 0.01) for _ in range(5))
    assert waits == pytest.approx([0.09, 0.19, 0.29, 0.39, 0.49])
    assert [rate.take("a", 0.0101 + wait) for wait in waits] == [0.0] * 5


def test_nobody_is_told_to_wait_for_longer_than_a_caller_would() -> None:
    rate = Rate(per_second=1, burst=1)
    assert max(rate.take("a", 0.0) for _ in range(100)) == 5.0


def test_a_rate_of_zero_is_no_limit() -> None:
    rate = Rate(per_second=0, burst=1)
    assert not any(rate.take("a", 0.0) for _ in range(1_000))


def test_any_number_of_tenants_takes_a_bounded_memory_and_forgets_none_that_is_busy() -> None:
    rate = Rate(per_second=1, burst=2)
    served = 0
    for i in range(50_000):
        rate.take(f"t{i}", i / 1_000)
        served += rate.take("busy", i / 1_000) == 0.0
    assert len(rate) == 10_000
    assert served <= 52


def test_a_place_is_free_again_after_its_call() -> None:
    calls = Admission("calls", Rate(0, 1), at_once=4, share=0.5)
    assert [calls.enter("a", 0.0) is None for _ in range(3)] == [True, True, False]
    assert [calls.enter("b", 0.0) is None for _ in range(3)] == [True, True, False]
    refusal = calls.enter("c", 0.0)
    assert refusal is not None
    assert refusal.reason == "full"
    calls.leave("a")
    assert calls.enter("c", 0.0) is None
    assert calls.inside == 4


@pytest.mark.parametrize(
    ("request_", "tenant"),
    [
        (needs_pb2.GetNeedRequest(user=UserRef(tenant="acme", user_id="u1")), "acme"),
        (needs_pb2.GetNeedRequest(user=UserRef(user_id="u1")), "default"),
        (needs_pb2.GetNeedRequest(), "default"),
        (recommender_pb2.SearchRequest(tenant="acme"), "acme"),
        (qa_pb2.AskRequest(user=UserRef(tenant="acme")), "acme"),
        (qa_pb2.AskRequest(tenant="acme", user=UserRef(user_id="u1")), "acme"),
        (needs_pb2.GetNeedRequest(user=UserRef(tenant="x" * 100_000)), "x" * 64),
    ],
)
def test_the_tenant_is_found_by_the_shape_of_any_request(request_: Any, tenant: str) -> None:
    assert tenant_of(request_) == tenant
