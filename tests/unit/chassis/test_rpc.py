"""A gRPC server that guards its contract, on a real socket."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from attune.needs.v1 import needs_pb2, needs_pb2_grpc
from attune.types.v1 import types_pb2
from chassis.rpc import GrpcServer, channel, remaining
from chassis.settings import ProcessSettings

SERVICE = "attune.needs.v1.NeedsService"


class NobodyThere(Exception):
    def __init__(self, user_id: str) -> None:
        self.field, self.value, self.remedy = "user.user_id", user_id, "name someone who exists"
        super().__init__(f"there is no {user_id}")


class Servicer(needs_pb2_grpc.NeedsServiceServicer):
    """Answers with the seconds that are left, or fails as the name of the user asks it to."""

    async def GetNeed(  # noqa: N802 - the name in the contract
        self, request: needs_pb2.GetNeedRequest, _context: object
    ) -> needs_pb2.GetNeedResponse:
        match request.user.user_id:
            case "nobody":
                raise NobodyThere(request.user.user_id)
            case "bug":
                raise ZeroDivisionError("a secret of ours")
        return needs_pb2.GetNeedResponse(need=needs_pb2.Need(behaviors=round(remaining() * 1000)))

    async def WatchNeed(  # noqa: N802 - the name in the contract
        self, request: needs_pb2.WatchNeedRequest, _context: object
    ) -> AsyncIterator[needs_pb2.WatchNeedResponse]:
        yield needs_pb2.WatchNeedResponse()
        if request.user.user_id == "nobody":
            raise NobodyThere(request.user.user_id)


@pytest.fixture
async def server() -> AsyncIterator[GrpcServer]:
    settings = ProcessSettings(kafka="unused:9092", max_message_bytes=100_000)
    made = GrpcServer(settings, errors={NobodyThere: grpc.StatusCode.NOT_FOUND})
    made.add(needs_pb2_grpc.add_NeedsServiceServicer_to_server, Servicer(), SERVICE)
    await made.start("test")
    yield made
    await made.stop(1)


@pytest.fixture
async def wire(server: GrpcServer) -> AsyncIterator[grpc.aio.Channel]:
    async with channel(server.address, name="test") as opened:
        yield opened


@pytest.fixture
def needs(wire: grpc.aio.Channel) -> needs_pb2_grpc.NeedsServiceStub:
    return needs_pb2_grpc.NeedsServiceStub(wire)


def ask(user_id: str) -> needs_pb2.GetNeedRequest:
    return needs_pb2.GetNeedRequest(user=types_pb2.UserRef(user_id=user_id))


def violated(error: grpc.aio.AioRpcError) -> dict[str, str]:
    status = rpc_status.from_call(error)
    bad = error_details_pb2.BadRequest()
    assert status is not None
    assert status.details[0].Unpack(bad)
    return {each.field: each.description for each in bad.field_violations}


async def test_the_deadline_of_the_caller_reaches_the_work(needs: needs_pb2_grpc.NeedsServiceStub) -> None:
    left = (await needs.GetNeed(ask("u1"), timeout=0.5)).need.behaviors
    assert 0 < left <= 500


async def test_a_caller_without_a_deadline_gets_the_one_of_the_settings(server: GrpcServer) -> None:
    async with grpc.aio.insecure_channel(server.address) as bare:
        left = (await needs_pb2_grpc.NeedsServiceStub(bare).GetNeed(ask("u1"))).need.behaviors
    assert 4000 < left <= 5000


async def test_a_request_against_the_contract_names_each_wrong_field(needs: needs_pb2_grpc.NeedsServiceStub) -> None:
    request = ask("u\x01")
    request.user.tenant = "NOT A TENANT"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await needs.GetNeed(request)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    found = violated(caught.value)
    assert set(found) == {"user.tenant", "user.user_id"}
    assert "control characters" in found["user.user_id"]


async def test_an_absent_message_that_is_needed_is_named(needs: needs_pb2_grpc.NeedsServiceStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await needs.GetNeed(needs_pb2.GetNeedRequest())
    assert set(violated(caught.value)) == {"user"}


async def test_an_error_of_the_domain_gets_its_status_and_its_remedy(needs: needs_pb2_grpc.NeedsServiceStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await needs.GetNeed(ask("nobody"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert "name someone who exists" in violated(caught.value)["user.user_id"]


async def test_a_bug_is_internal_and_tells_nothing_of_itself(needs: needs_pb2_grpc.NeedsServiceStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await needs.GetNeed(ask("bug"))
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in (caught.value.details() or "")
    assert "quote request" in (caught.value.details() or "")


async def test_a_stream_that_fails_ends_with_the_status_too(needs: needs_pb2_grpc.NeedsServiceStub) -> None:
    request = needs_pb2.WatchNeedRequest(user=types_pb2.UserRef(user_id="nobody"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        _ = [reply async for reply in needs.WatchNeed(request)]
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_message_over_the_limit_is_refused(needs: needs_pb2_grpc.NeedsServiceStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await needs.GetNeed(ask("x" * 200_000))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_health_tells_the_process_from_its_readiness(server: GrpcServer, wire: grpc.aio.Channel) -> None:
    health = health_pb2_grpc.HealthStub(wire)

    async def state(service: str) -> int:
        reply = await health.Check(health_pb2.HealthCheckRequest(service=service))
        return int(reply.status)

    assert await state("") == health_pb2.HealthCheckResponse.SERVING
    assert await state(SERVICE) == health_pb2.HealthCheckResponse.NOT_SERVING
    await server.ready(ready=True)
    assert await state(SERVICE) == health_pb2.HealthCheckResponse.SERVING


async def test_reflection_lists_the_service(wire: grpc.aio.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(wire)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    replies = [reply async for reply in stub.ServerReflectionInfo(iter([request]))]
    assert SERVICE in {each.name for each in replies[0].list_services_response.service}


async def test_a_service_that_is_away_fails_within_the_deadline() -> None:
    async with channel("127.0.0.1:1", name="test") as nowhere:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async with asyncio.timeout(3):
                await needs_pb2_grpc.NeedsServiceStub(nowhere).GetNeed(ask("u1"), timeout=1)
    assert caught.value.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


async def test_the_probe_tells_a_ready_server_from_one_that_is_not(server: GrpcServer) -> None:
    async def probe(*arguments: str) -> int | None:
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "chassis.rpc.probe", *arguments, stderr=-3)
        return await process.wait()

    assert await probe(server.address, SERVICE) == 1
    await server.ready(ready=True)
    assert await probe(server.address, SERVICE) == 0
    assert await probe("127.0.0.1:1") == 1
    assert await probe() == 2
