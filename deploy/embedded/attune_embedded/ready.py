"""When an engine or a service can be used. Each of these waits for ever: the caller sets the limit."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

import grpc
from grpc_health.v1 import health_pb2

_POLL_SECONDS = 0.05
_CHECK_SECONDS = 2.0
# grpc waits a second after the first refused connection, which is longer than most services need to start.
_IMPATIENT = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 300)]


async def service(address: str, *, name: str) -> None:
    """Until the gRPC health service says SERVING, for the process and for the service `name` if it knows that name."""
    async with grpc.aio.insecure_channel(address, options=_IMPATIENT) as channel:
        for wanted in ("", name):
            while not await _serving(channel, wanted):  # noqa: ASYNC110 - there is nothing to await but another answer
                await asyncio.sleep(_POLL_SECONDS)


async def _serving(channel: grpc.aio.Channel, name: str) -> bool:
    check = channel.unary_unary(  # the generated stub has no types for asyncio
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    try:
        request = health_pb2.HealthCheckRequest(service=name)
        answer = await check(request, timeout=_CHECK_SECONDS, wait_for_ready=True)
    except grpc.aio.AioRpcError as error:
        # The process says how it is; it need not speak of its parts.
        return bool(name) and error.code() is grpc.StatusCode.NOT_FOUND
    return answer.status == health_pb2.HealthCheckResponse.SERVING


async def redis(port: int) -> int:
    """Until the append-only file is loaded: the process id that the server gives."""
    while True:
        with suppress(OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            info = await _redis_info(port)
            process = re.search(r"^process_id:(\d+)", info, re.MULTILINE)
            if process is not None and "loading:0" in info:
                return int(process[1])
        await asyncio.sleep(_POLL_SECONDS)


async def _redis_info(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"INFO\r\n")
        header = await reader.readuntil(b"\r\n")
        if not header.startswith(b"$"):
            return ""
        return (await reader.readexactly(int(header[1:]))).decode(errors="replace")
    finally:
        writer.close()
