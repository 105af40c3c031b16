"""How often and how many at once: a server on a real socket keeps to its limits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from prometheus_client import REGISTRY

from attune.needs.v1 import needs_pb2, needs_pb2_grpc
from attune.types.v1 import types_pb2
from attune_cli.failures import of_call
from chassis.rpc import GrpcServer, channel, is_refusal
from chassis.settings import ProcessSettings

SERVICE = "attune.needs.v1.NeedsService"
Stub = needs_pb2_grpc.NeedsServiceStub


class Servicer(needs_pb2_grpc.NeedsServiceServicer):
    """Answers at once; `slow` people and streams are held until they are let go; `sick` ones are away; `asks` asks."""

    def __init__(self) -> None:
        self.answered: dict[str, int] = {}
        self.inside = 0
        self.go = asyncio.Event()
        self.peer: Stub | None = None

    async def GetNeed(  # noqa: N802 - the name in the contract
        self, request: needs_pb2.GetNeedRequest, _context: object
    ) -> needs_pb2.GetNeedResponse:
        user = request.user
        self.answered[user.tenant] = self.answered.get(user.tenant, 0) + 1
        if user.user_id == "slow":
            await self._hold()
        if user.user_id == "sick":
            raise ConnectionError("its memory is away")
        if user.user_id == "asks" and self.peer is not None:
            return await self.peer.GetNeed(ask("u1", user.tenant))
        return needs_pb2.GetNeedResponse()

    async def WatchNeed(  # noqa: N802 - the name in the contract
        self, _request: needs_pb2.WatchNeedRequest, _context: object
    ) -> AsyncIterator[needs_pb2.WatchNeedResponse]:
        yield needs_pb2.WatchNeedResponse()
        await self._hold()

    async def _hold(self) -> None:
        self.inside += 1
        try:
            await self.go.wait()
        finally:
            self.inside -= 1


@asynccontextmanager
async def house(**settings: Any) -> AsyncIterator[tuple[Servicer, str]]:
    """A servicer and the address it answers at."""
    servicer = Servicer()
    errors = {ConnectionError: grpc.StatusCode.UNAVAILABLE}
    server = GrpcServer(ProcessSettings(kafka="unused:9092", **settings), errors=errors)
    server.add(needs_pb2_grpc.add_NeedsServiceServicer_to_server, servicer, SERVICE)
    await server.start("limited")
    try:
        yield servicer, server.address
    finally:
        servicer.go.set()
        await server.stop(1)


def ask(user_id: str, tenant: str = "") -> needs_pb2.GetNeedRequest:
    return needs_pb2.GetNeedRequest(user=types_pb2.UserRef(tenant=tenant, user_id=user_id))


def watch(tenant: str) -> needs_pb2.WatchNeedRequest:
    return needs_pb2.WatchNeedRequest(user=types_pb2.UserRef(tenant=tenant, user_id="u1"))


async def outcomes(*calls: Any) -> list[grpc.StatusCode]:
    async def outcome(call: Any) -> grpc.StatusCode:
        try:
            await call
        except grpc.aio.AioRpcError as error:
            return error.code()
        return grpc.StatusCode.OK

    return list(await asyncio.gather(*map(outcome, calls)))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what happens at the other end of a socket rings no bell here
            await asyncio.sleep(0)


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"service": "limited", **labels}) or 0.0


OK, TOO_MUCH = grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_flood_of_one_tenant_leaves_the_others_unharmed() -> None:
    async with house(rate_per_tenant=0.1, rate_burst=20) as (servicer, address), channel(address, name="test") as wire:
        needs = Stub(wire)
        flood = [needs.GetNeed(ask("u1", "loud")) for _ in range(300)]
        others = [needs.GetNeed(ask("u1", f"quiet{i % 5}")) for i in range(50)]
        found = await outcomes(*flood, *others)
    assert found[:300].count(OK) == 20
    assert found[:300].count(TOO_MUCH) == 280
    assert found[300:] == [OK] * 50
    assert servicer.answered["loud"] == 20


async def test_a_refusal_says_why_and_when_to_come_back() -> None:
    async with house(rate_per_tenant=2, rate_burst=1) as (_, address), channel(address, name="test") as wire:
        needs = Stub(wire)
        await needs.GetNeed(ask("u1", "acme"))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await needs.GetNeed(ask("u1", "acme"))
    status = rpc_status.from_call(caught.value)
    retry = error_details_pb2.RetryInfo()
    assert status is not None
    assert status.details[0].Unpack(retry)
    assert 0 < retry.retry_delay.ToTimedelta().total_seconds() <= 0.5
    assert 0 < int(dict(caught.value.trailing_metadata())["grpc-retry-pushback-ms"]) <= 500
    assert "'acme'" in (said := caught.value.details() or "")
    assert "ATTUNE_RATE_PER_TENANT" in said
    assert "try again in 0." in said


async def test_a_client_that_retries_refusals_by_itself_waits_as_long_as_it_is_told() -> None:
    policy = {
        "maxAttempts": 3,
        "initialBackoff": "30s",  # without the hint it would sit there
        "maxBackoff": "30s",
        "backoffMultiplier": 1,
        "retryableStatusCodes": ["RESOURCE_EXHAUSTED"],
    }
    options = [("grpc.service_config", json.dumps({"methodConfig": [{"name": [{}], "retryPolicy": policy}]}))]
    before = counted("attune_rpc_retried_total", method="GetNeed")
    async with (
        house(rate_per_tenant=10, rate_burst=1) as (servicer, address),
        grpc.aio.insecure_channel(address, options=options) as wire,
    ):
        found = await outcomes(*(Stub(wire).GetNeed(ask("u1", "acme"), timeout=5) for _ in range(2)))
    assert found == [OK, OK]
    assert servicer.answered["acme"] == 2
    assert counted("attune_rpc_retried_total", method="GetNeed") > before


async def test_calls_over_the_number_at_once_are_refused_and_not_queued() -> None:
    async with house(calls_at_once=4, tenant_share=0.5) as (servicer, address), channel(address, name="test") as wire:
        needs = Stub(wire)
        held = [asyncio.ensure_future(needs.GetNeed(ask("slow", "loud"))) for _ in range(2)]
        await until(lambda: servicer.inside == 2)
        assert counted("attune_rpc_in_flight", kind="calls") == 2
        assert await outcomes(needs.GetNeed(ask("u1", "loud")), needs.GetNeed(ask("u1", "quiet"))) == [TOO_MUCH, OK]
        servicer.go.set()
        assert await outcomes(*held) == [OK, OK]
        assert await outcomes(needs.GetNeed(ask("u1", "loud"))) == [OK]
    assert counted("attune_rpc_in_flight", kind="calls") == 0


async def test_a_caller_that_leaves_frees_its_place() -> None:
    async with house(calls_at_once=1, tenant_share=1) as (servicer, address), channel(address, name="test") as wire:
        needs = Stub(wire)
        left = asyncio.ensure_future(needs.GetNeed(ask("slow")))
        await until(lambda: servicer.inside == 1)
        left.cancel()
        await until(lambda: servicer.inside == 0)
        assert await outcomes(needs.GetNeed(ask("u1"))) == [OK]


async def test_streams_count_for_as_long_as_they_are_open() -> None:
    async with house(streams_at_once=2, tenant_share=0.5) as (_, address), channel(address, name="test") as wire:
        needs = Stub(wire)
        first = needs.WatchNeed(watch("loud"))
        await first.read()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            _ = [reply async for reply in needs.WatchNeed(watch("loud"))]
        assert caught.value.code() is TOO_MUCH
        assert await needs.WatchNeed(watch("quiet")).read() != grpc.aio.EOF
        assert await outcomes(needs.GetNeed(ask("u1", "loud"))) == [OK]  # calls have places of their own
        first.cancel()
        await until(lambda: counted("attune_rpc_in_flight", kind="streams") == 1)
        assert await needs.WatchNeed(watch("loud")).read() != grpc.aio.EOF


async def test_health_is_asked_as_often_as_one_likes() -> None:
    async with house(rate_per_tenant=0.1, rate_burst=1) as (_, address), channel(address, name="test") as wire:
        health, request = health_pb2_grpc.HealthStub(wire), health_pb2.HealthCheckRequest(service=SERVICE)
        assert await outcomes(*(health.Check(request) for _ in range(100))) == [OK] * 100


async def test_what_a_service_asks_for_a_request_of_its_own_was_counted_at_its_door() -> None:
    async with AsyncExitStack() as stack:
        limits = {"rate_per_tenant": 0.1, "rate_burst": 5}
        front, front_address = await stack.enter_async_context(house(**limits))
        inner, inner_address = await stack.enter_async_context(house(rate_per_tenant=0.1, rate_burst=1))
        front.peer = Stub(await stack.enter_async_context(channel(inner_address, name="front")))
        needs = Stub(await stack.enter_async_context(channel(front_address, name="test")))
        found = await outcomes(*(needs.GetNeed(ask("asks", "acme")) for _ in range(8)))
    assert found.count(OK) == 5
    assert inner.answered["acme"] == 5


async def test_a_service_that_keeps_failing_is_not_asked_three_times_for_ever() -> None:
    async with house() as (servicer, address), channel(address, name="test") as wire:
        found = await outcomes(*(Stub(wire).GetNeed(ask("sick", "acme")) for _ in range(100)))
    assert found == [grpc.StatusCode.UNAVAILABLE] * 100
    assert servicer.answered["acme"] <= 130


async def test_refusals_are_counted_by_reason_and_never_by_tenant() -> None:
    before = counted("attune_rpc_refused_total", method="GetNeed", reason="rate")
    async with house(rate_per_tenant=0.1, rate_burst=1) as (_, address), channel(address, name="test") as wire:
        await outcomes(*(Stub(wire).GetNeed(ask("u1", "acme")) for _ in range(11)))
    assert counted("attune_rpc_refused_total", method="GetNeed", reason="rate") == before + 10
    labels = {name for metric in REGISTRY.collect() for sample in metric.samples for name in sample.labels}
    assert labels & {"tenant", "user", "user_id"} == set()


async def test_a_person_at_the_terminal_reads_what_was_too_much_and_when_to_come_back() -> None:
    async with house(rate_per_tenant=0.5, rate_burst=1) as (_, address), channel(address, name="cli") as wire:
        await Stub(wire).GetNeed(ask("u1", "acme"))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await Stub(wire).GetNeed(ask("u1", "acme"))
    failure = of_call(caught.value, "needs", address)
    assert failure.code == 1
    assert "'acme' makes more calls a second than ATTUNE_RATE_PER_TENANT allows; try again in " in str(failure)


async def test_a_caller_can_tell_a_service_that_refuses_from_one_that_is_away() -> None:
    async with house(rate_per_tenant=0.1, rate_burst=3) as (_, address), channel(address, name="test") as wire:
        with pytest.raises(grpc.aio.AioRpcError) as away:
            await Stub(wire).GetNeed(ask("sick", "acme"))  # the channel tries three times
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await Stub(wire).GetNeed(ask("u1", "acme"))
    assert (is_refusal(away.value), is_refusal(refused.value)) == (False, True)
