"""Requests over streams that are kept open: what a call would say, and nobody is harmed by anybody else's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
import pytest
from prometheus_client import REGISTRY

from attune.needs.v1 import needs_pb2, needs_pb2_grpc
from attune.types.v1 import types_pb2
from chassis.rpc import GrpcServer, Lanes, channel, remaining
from chassis.settings import ProcessSettings

SERVICE = "attune.needs.v1.NeedsService"
Asks = Lanes[needs_pb2.GetNeedRequest, needs_pb2.GetNeedResponse]


class Servicer(needs_pb2_grpc.NeedsServiceServicer):
    """Tells the seconds it has, and counts; `slow` people are held until they are let go, `sick` ones are away."""

    def __init__(self) -> None:
        self.calls = self.on_lanes = self.inside = self.given_up = 0
        self.go = asyncio.Event()

    async def GetNeed(  # noqa: N802 - the name in the contract
        self, request: needs_pb2.GetNeedRequest, _context: object
    ) -> needs_pb2.GetNeedResponse:
        self.calls += 1
        return await self._answer(request.user)

    async def GetNeeds(  # type: ignore[override] # noqa: N802 - one after the other
        self, request: needs_pb2.GetNeedRequest, _context: object
    ) -> needs_pb2.GetNeedResponse:
        self.on_lanes += 1
        return await self._answer(request.user)

    async def _answer(self, user: types_pb2.UserRef) -> needs_pb2.GetNeedResponse:
        if user.user_id == "sick":
            raise ConnectionError("its memory is away")
        if user.user_id == "slow":
            self.inside += 1
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.given_up += 1
                raise
            finally:
                self.inside -= 1
        return needs_pb2.GetNeedResponse(need=needs_pb2.Need(user=user, behaviors=round(remaining())))


class House:
    """A server that can leave and come back at its address."""

    def __init__(self, **settings: Any) -> None:
        self.servicer, self._settings, self._listen = Servicer(), settings, "127.0.0.1:0"

    async def start(self) -> None:
        errors = {ConnectionError: grpc.StatusCode.UNAVAILABLE}
        settings = ProcessSettings(kafka="unused:9092", grpc_listen=self._listen, **self._settings)
        self._server = GrpcServer(settings, errors=errors)
        self._server.add(needs_pb2_grpc.add_NeedsServiceServicer_to_server, self.servicer, SERVICE)
        await self._server.start("lanes")
        self._listen = self._server.address

    @property
    def address(self) -> str:
        return self._listen

    async def stop(self, grace: float) -> None:
        await self._server.stop(grace)


@asynccontextmanager
async def house(**settings: Any) -> AsyncIterator[House]:
    made = House(**settings)
    await made.start()
    try:
        yield made
    finally:
        made.servicer.go.set()
        await made.stop(1)


@asynccontextmanager
async def asking(address: str, **options: Any) -> AsyncIterator[Asks]:
    async with channel(address, name="test") as wire:
        stub = needs_pb2_grpc.NeedsServiceStub(wire)
        yield Lanes(stub.GetNeeds, stub.GetNeed, **options)


def ask(user_id: str, tenant: str = "") -> needs_pb2.GetNeedRequest:
    return needs_pb2.GetNeedRequest(user=types_pb2.UserRef(tenant=tenant, user_id=user_id))


async def refused(asked: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await asked
    return raised.value


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what happens at the other end of a socket rings no bell here
            await asyncio.sleep(0)


def streams() -> float:
    return REGISTRY.get_sample_value("attune_rpc_in_flight", {"service": "lanes", "kind": "streams"}) or 0.0


async def test_who_asks_one_after_the_other_asks_on_one_stream() -> None:
    async with house() as made, asking(made.address) as needs:
        for user in ("ann", "bob", "cem"):
            assert (await needs(ask(user), timeout=5)).need.user.user_id == user
            assert streams() == 1
        assert (made.servicer.on_lanes, made.servicer.calls) == (3, 0)


async def test_many_at_once_each_get_their_own_answer_and_those_without_a_lane_make_calls() -> None:
    async with house() as made, asking(made.address, most=4) as needs:
        users = [f"u{i}" for i in range(50)]
        found = await asyncio.gather(*(needs(ask(user), timeout=5) for user in users))
        assert [reply.need.user.user_id for reply in found] == users
        assert (made.servicer.on_lanes, made.servicer.calls) == (4, 46)
        assert streams() == 4


async def test_nobody_waits_for_somebody_elses_answer() -> None:
    async with house() as made, asking(made.address) as needs:
        slow = asyncio.ensure_future(needs(ask("slow"), timeout=20))
        await until(lambda: made.servicer.inside == 1)
        assert (await needs(ask("ann"), timeout=5)).need.user.user_id == "ann"
        assert not slow.done()
        made.servicer.go.set()
        assert (await slow).need.user.user_id == "slow"


async def test_an_error_is_told_as_by_a_call_and_harms_no_other() -> None:
    async with house() as made, asking(made.address) as needs:
        slow = asyncio.ensure_future(needs(ask("slow"), timeout=20))
        await until(lambda: made.servicer.inside == 1)
        invalid = await refused(needs(ask(""), timeout=5))
        assert invalid.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "user.user_id" in (invalid.details() or "")
        away = await refused(needs(ask("sick"), timeout=5))
        assert (away.code(), away.details()) == (grpc.StatusCode.UNAVAILABLE, "its memory is away")
        made.servicer.go.set()
        await slow
        assert (await needs(ask("ann"), timeout=5)).need.user.user_id == "ann"


async def test_a_caller_whose_time_is_over_is_told_so_and_the_server_gives_up() -> None:
    async with house() as made, asking(made.address) as needs:
        await needs(ask("ann"), timeout=5)
        late = await refused(needs(ask("slow"), timeout=0.05))
        assert late.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await until(lambda: made.servicer.given_up == 1)
        await until(lambda: streams() == 0)
        assert (await needs(ask("ann"), timeout=5)).need.user.user_id == "ann"


async def test_a_caller_that_leaves_takes_no_other_with_it() -> None:
    async with house() as made, asking(made.address) as needs:
        leaving, staying = (asyncio.ensure_future(needs(ask("slow"), timeout=20)) for _ in range(2))
        await until(lambda: made.servicer.inside == 2)
        leaving.cancel()
        await until(lambda: made.servicer.given_up == 1)
        made.servicer.go.set()
        assert (await staying).need.user.user_id == "slow"


async def test_each_request_has_the_time_of_a_call_however_old_its_stream_is() -> None:
    async with house(request_timeout=3) as made, asking(made.address) as needs:
        for _ in range(2):
            assert (await needs(ask("ann"), timeout=5)).need.behaviors == 3
        assert made.servicer.on_lanes == 2


async def test_each_request_is_counted_against_what_its_tenant_may_hold() -> None:
    async with house(calls_at_once=4, tenant_share=0.5) as made, asking(made.address) as needs:
        held = [asyncio.ensure_future(needs(ask("slow", "loud"), timeout=20)) for _ in range(2)]
        await until(lambda: made.servicer.inside == 2)
        too_much = await refused(needs(ask("ann", "loud"), timeout=5))
        assert too_much.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "'loud'" in (too_much.details() or "")
        await needs(ask("ann", "quiet"), timeout=5)
        made.servicer.go.set()
        await asyncio.gather(*held)


async def test_the_rate_counts_each_request_of_a_stream_that_nobody_was_counted_for() -> None:
    async with house(rate_per_tenant=0.1, rate_burst=3) as made, channel(made.address, name="test") as wire:
        stream = needs_pb2_grpc.NeedsServiceStub(wire).GetNeeds()
        for _ in range(3):
            await stream.write(ask("ann", "loud"))
            assert await stream.read() is not grpc.aio.EOF
        await stream.write(ask("ann", "loud"))
        assert (await refused(stream.read())).code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_server_that_leaves_answers_what_it_was_asked_and_does_not_wait_for_more() -> None:
    async with house() as made, asking(made.address) as needs:
        slow = asyncio.ensure_future(needs(ask("slow"), timeout=20))
        await until(lambda: made.servicer.inside == 1)
        await asyncio.gather(*(needs(ask(f"u{i}"), timeout=5) for i in range(3)))
        began = time.monotonic()
        leaving = asyncio.ensure_future(made.stop(15))
        await until(lambda: streams() == 1)
        made.servicer.go.set()
        assert (await slow).need.user.user_id == "slow"
        await leaving
        assert time.monotonic() - began < 10


@pytest.mark.parametrize("grace", [0, 5])
async def test_a_server_that_comes_back_is_asked_again(grace: float) -> None:
    async with house() as made, asking(made.address) as needs:
        await needs(ask("ann"), timeout=5)
        await made.stop(grace)
        assert (await refused(needs(ask("ann"), timeout=0.5))).code() is grpc.StatusCode.UNAVAILABLE
        await made.start()
        async with asyncio.timeout(10):
            while made.servicer.on_lanes < 2:
                with suppress(grpc.aio.AioRpcError):  # the channel rests before it connects again
                    await needs(ask("ann"), timeout=5)


def both(one: House, other: House) -> str:
    return f"ipv4:{one.address},{other.address}"


async def test_replicas_share_what_is_asked() -> None:
    async with house() as one, house() as other, asking(both(one, other), lives=0.0) as needs:
        async with asyncio.timeout(10):
            while not (one.servicer.on_lanes and other.servicer.on_lanes):
                await needs(ask("ann"), timeout=5)


async def test_a_replica_that_dies_between_two_requests_is_not_missed() -> None:
    async with house() as one, house() as other, asking(both(one, other)) as needs:
        await needs(ask("ann"), timeout=5)
        asked, spare = (one, other) if one.servicer.on_lanes else (other, one)
        await asked.stop(0)
        await needs(ask("ann"), timeout=5)
        assert spare.servicer.on_lanes + spare.servicer.calls == 1


async def test_a_stream_is_left_for_another_one_when_it_is_old() -> None:
    async with house() as made, asking(made.address, lives=0.0) as needs:
        for _ in range(3):
            await needs(ask("ann"), timeout=5)
        await until(lambda: streams() == 1)
        assert made.servicer.on_lanes == 3


class Earlier(needs_pb2_grpc.NeedsServiceServicer):
    """Of a release that knows calls only."""

    async def GetNeed(  # noqa: N802 - the name in the contract
        self, request: needs_pb2.GetNeedRequest, _context: object
    ) -> needs_pb2.GetNeedResponse:
        return needs_pb2.GetNeedResponse(need=needs_pb2.Need(user=request.user))


async def test_a_server_that_knows_no_such_streams_is_called() -> None:
    server = grpc.aio.server()
    answers = {
        "GetNeed": grpc.unary_unary_rpc_method_handler(
            Earlier().GetNeed, needs_pb2.GetNeedRequest.FromString, needs_pb2.GetNeedResponse.SerializeToString
        )
    }
    server.add_registered_method_handlers(SERVICE, answers)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with asking(f"127.0.0.1:{port}") as needs:
        for user in ("ann", "bob"):
            assert (await needs(ask(user), timeout=5)).need.user.user_id == user
    await server.stop(0)
