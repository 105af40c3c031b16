"""What a caller cannot do to a server: hold it for ever, fill its memory, or hammer its connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from attune.needs.v1 import needs_pb2, needs_pb2_grpc
from attune.types.v1 import types_pb2
from chassis.rpc import GrpcServer, channel, remaining
from chassis.settings import ProcessSettings

SERVICE = "attune.needs.v1.NeedsService"
Stub = needs_pb2_grpc.NeedsServiceStub


class TooMany(Exception):
    """A limit of the domain that says no time."""

    field, value, remedy = "user", "200 watchers", "end another one"


class Servicer(needs_pb2_grpc.NeedsServiceServicer):
    """Tells the seconds it has; `stuck` never answers, `many` is too much, `long` says a lot, streams stay open."""

    def __init__(self) -> None:
        self.given_up = asyncio.Event()

    async def GetNeed(  # noqa: N802 - the name in the contract
        self, request: needs_pb2.GetNeedRequest, _context: object
    ) -> needs_pb2.GetNeedResponse:
        match request.user.user_id:
            case "stuck":
                await self._for_ever()
            case "many":
                raise TooMany("this replica serves 200 watchers already")
            case "long":
                raise TooMany("x" * 100_000)
        return needs_pb2.GetNeedResponse(need=needs_pb2.Need(behaviors=round(remaining())))

    async def WatchNeed(  # noqa: N802 - the name in the contract
        self, _request: needs_pb2.WatchNeedRequest, _context: object
    ) -> AsyncIterator[needs_pb2.WatchNeedResponse]:
        yield needs_pb2.WatchNeedResponse()
        await self._for_ever()

    async def _for_ever(self) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.given_up.set()


@asynccontextmanager
async def house(**settings: Any) -> AsyncIterator[tuple[Servicer, str]]:
    servicer = Servicer()
    server = GrpcServer(
        ProcessSettings(kafka="unused:9092", **settings), errors={TooMany: grpc.StatusCode.RESOURCE_EXHAUSTED}
    )
    server.add(needs_pb2_grpc.add_NeedsServiceServicer_to_server, servicer, SERVICE)
    await server.start("bounded")
    try:
        yield servicer, server.address
    finally:
        await server.stop(0)


def ask(user_id: str = "u1") -> needs_pb2.GetNeedRequest:
    return needs_pb2.GetNeedRequest(user=types_pb2.UserRef(user_id=user_id))


WATCH = needs_pb2.WatchNeedRequest(user=types_pb2.UserRef(user_id="u1"))


async def refused(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def test_a_caller_cannot_ask_for_more_time_than_a_call_may_take() -> None:
    async with house(request_timeout_most=7) as (_, address), channel(address, name="test") as wire:
        assert (await Stub(wire).GetNeed(ask(), timeout=3_600)).need.behaviors <= 7


async def test_a_caller_who_answers_nobody_may_wait_for_longer_than_our_own_usual() -> None:
    async with house() as (_, address), channel(address, name="test") as wire:
        assert (await Stub(wire).GetNeed(ask(), timeout=40)).need.behaviors in {39, 40}
        assert (await Stub(wire).GetNeed(ask())).need.behaviors == 5


async def test_work_that_never_ends_is_given_up_though_its_caller_would_wait() -> None:
    async with house(request_timeout=0.05) as (servicer, address), grpc.aio.insecure_channel(address) as wire:
        error = await refused(Stub(wire).GetNeed(ask("stuck")))
        async with asyncio.timeout(5):
            await servicer.given_up.wait()
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "no answer within" in (error.details() or "")


async def test_work_is_given_up_when_its_caller_is_gone() -> None:
    async with house() as (servicer, address):
        async with channel(address, name="test") as wire:
            stream = Stub(wire).WatchNeed(WATCH)
            await stream.read()
        async with asyncio.timeout(5):
            await servicer.given_up.wait()


async def test_headers_are_bounded() -> None:
    async with house() as (_, address), channel(address, name="test") as wire:
        error = await refused(Stub(wire).GetNeed(ask(), metadata=[("x-much", "x" * 20_000)]))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        await Stub(wire).GetNeed(ask(), metadata=[("x-some", "x" * 2_000)])


async def test_what_is_wrong_with_a_request_reaches_the_caller_however_much_it_is() -> None:
    request = needs_pb2.GetNeedRequest(
        user=types_pb2.UserRef(user_id="u1"),
        at_least=[types_pb2.Watermark(topic="", partition=-1, offset=-1) for _ in range(200)],
    )
    async with house() as (_, address), channel(address, name="test") as wire:
        error = await refused(Stub(wire).GetNeed(request))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    status, bad = rpc_status.from_call(error), error_details_pb2.BadRequest()
    assert status is not None
    assert status.details[0].Unpack(bad)
    assert bad.field_violations[0].field == "at_least[0].topic"
    assert len(bad.field_violations) == 16


async def test_a_long_message_of_an_error_is_cut() -> None:
    async with house() as (_, address), channel(address, name="test") as wire:
        error = await refused(Stub(wire).GetNeed(ask("long")))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert 1_000 <= len(error.details() or "") < 1_100


async def test_a_limit_of_the_domain_tells_when_to_come_back_too() -> None:
    async with house() as (_, address), channel(address, name="test") as wire:
        error = await refused(Stub(wire).GetNeed(ask("many")))
    status, bad, retry = rpc_status.from_call(error), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    assert status is not None
    assert status.details[0].Unpack(bad)
    assert bad.field_violations[0].description == "end another one (given: '200 watchers')"
    assert status.details[1].Unpack(retry)
    assert retry.retry_delay.seconds == 1


async def test_one_connection_holds_a_bounded_number_of_streams() -> None:
    async with house(streams_per_connection=2) as (_, address), channel(address, name="test") as wire:
        open_ = [Stub(wire).WatchNeed(WATCH) for _ in range(2)]
        for stream in open_:
            await stream.read()
        waits = asyncio.ensure_future(Stub(wire).GetNeed(ask(), timeout=20))
        async with channel(address, name="another") as own:
            await Stub(own).GetNeed(ask())  # who has a connection of their own is served
        assert not waits.done()
        open_[0].cancel()
        await waits


async def test_a_connection_that_is_pinged_without_end_is_closed() -> None:
    fast = [
        ("grpc.keepalive_time_ms", 10),
        ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.keepalive_permit_without_calls", 1),
    ]
    async with house() as (_, address), grpc.aio.insecure_channel(address, options=fast) as wire:
        stream = Stub(wire).WatchNeed(WATCH)
        await stream.read()
        error = await refused(asyncio.wait_for(stream.read(), 20))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "too many pings" in (error.details() or "").lower().replace("_", " ")
