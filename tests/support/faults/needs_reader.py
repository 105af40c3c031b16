"""Asks needs, as any caller would, what it counted."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import grpc

from attune.needs.v1 import needs_pb2 as pb
from attune.needs.v1.needs_pb2_grpc import NeedsServiceStub
from attune.types.v1.types_pb2 import UserRef, Watermark
from faults.needs_oracle import Difference, Expected
from faults.service import Service

_AT_ONCE = 32  # calls under way
_PASSES = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED}
_PAUSE = 0.1  # seconds
_TRIES = 20  # a pool holds some connections that a fault has ended, and each is found out by one call


def caught_up(service: Service, marks: Sequence[Watermark], seconds: float = 60.0) -> float:
    """Wait until needs has applied `marks`; how many seconds it took."""
    stub, started = NeedsServiceStub(service.channel), time.monotonic()
    request = pb.GetNeedRequest(user=UserRef(tenant="nobody", user_id="nobody"), at_least=marks)
    why = ""
    while time.monotonic() - started < seconds:
        try:
            served = stub.GetNeed(request, timeout=4, wait_for_ready=True).served
        except grpc.RpcError as error:
            why = f"{error.code()}: {error.details()}"
            time.sleep(0.05)
            continue
        if not served.stale:
            return time.monotonic() - started
        why = "; ".join(_behind(marks, served.applied))
    raise AssertionError(f"needs is behind after {seconds:g} s: {why}\n{service.log[-1500:]}")


def applied(service: Service) -> Sequence[Watermark]:
    """What needs says it has applied."""
    request = pb.GetNeedRequest(user=UserRef(tenant="nobody", user_id="nobody"))
    served = NeedsServiceStub(service.channel).GetNeed(request, timeout=10, wait_for_ready=True).served
    return list(served.applied)


def _behind(marks: Sequence[Watermark], applied: Sequence[Watermark]) -> Iterable[str]:
    at = {(mark.topic, mark.partition): mark.offset for mark in applied}
    for mark in marks:
        held = at.get((mark.topic, mark.partition), -1)
        if held < mark.offset:
            yield f"{mark.topic}/{mark.partition} at {held}, not at {mark.offset}"


def difference(service: Service, wanted: dict[tuple[str, str], Expected]) -> Difference:
    """Every person's counts, spectrum and vector against what must be."""
    stub, found = NeedsServiceStub(service.channel), Difference()
    for part in _parts(list(wanted.items())):
        users = [UserRef(tenant=tenant, user_id=user) for (tenant, user), _ in part]
        profiles = _ask(stub.GetProfile, [pb.GetProfileRequest(user=user) for user in users])
        needs = _ask(stub.GetNeed, [pb.GetNeedRequest(user=user) for user in users])
        for (person, right), profile, need in zip(part, profiles, needs, strict=True):
            who = "/".join(person)
            found.count(who, right.kinds, dict(profile.profile.kinds))
            found.compare_need(who, right.need, need.need)
    return found


def _ask(call: Any, requests: Sequence[Any]) -> list[Any]:
    """All at once; who is told that an engine is away, or that we ask too often, asks again, as the remedy says."""
    under_way = [call.future(request, timeout=10) for request in requests]
    return [_reply(call, request, asked) for request, asked in zip(requests, under_way, strict=True)]


def _reply(call: Any, request: Any, asked: Any) -> Any:
    for _ in range(_TRIES):
        try:
            return asked.result()
        except grpc.RpcError as error:
            if error.code() not in _PASSES:
                raise
            if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
                time.sleep(_PAUSE)
            asked = call.future(request, timeout=10)
    return asked.result()


def _parts(everything: list[Any]) -> Iterable[list[Any]]:
    return (everything[start : start + _AT_ONCE] for start in range(0, len(everything), _AT_ONCE))
