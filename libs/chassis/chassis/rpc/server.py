"""The gRPC server of a service."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from chassis.rpc import deadline
from chassis.rpc.errors import ErrorTable, code_of, invalid, status, violation_of
from chassis.settings import ProcessSettings
from chassis.telemetry import CALLS, log
from chassis.violations import violations

Context = grpc.aio.ServicerContext[Any, Any]
_LONGEST = 3600.0  # seconds a stream may live when its caller sets no deadline


class GrpcServer:
    """Validates every request against the contract, turns errors into statuses, and reports health.

    Health names: "" is the process itself, the service's full name is its readiness.
    """

    def __init__(self, settings: ProcessSettings, *, errors: ErrorTable) -> None:
        self._settings, self._errors = settings, errors
        self._servicers: list[tuple[Callable[..., None], object, str]] = []
        self._health = HealthServicer()
        self._server: grpc.aio.Server | None = None
        self.address = ""

    def add(self, add_to_server: Callable[..., None], servicer: object, service: str) -> None:
        """Register a servicer with its generated function and full name, before `start`."""
        self._servicers.append((add_to_server, servicer, service))

    async def start(self, name: str) -> None:
        """Listen. Not ready until `ready(True)`."""
        size = self._settings.max_message_bytes
        self._server = grpc.aio.server(
            interceptors=[_Guard(name, self._errors, self._settings.request_timeout.total_seconds())],
            options=[
                ("grpc.max_receive_message_length", size),
                ("grpc.max_send_message_length", size),
                ("grpc.max_connection_age_ms", 60_000),  # so that clients notice new replicas
                ("grpc.max_connection_age_grace_ms", 10_000),
                ("grpc.so_reuseport", 0),  # a port that is taken is an error, not a share
            ],
            maximum_concurrent_rpcs=1_000,
        )
        for add_to_server, servicer, _ in self._servicers:
            add_to_server(servicer, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = [service for _, _, service in self._servicers]
        reflection.enable_server_reflection([*names, "grpc.health.v1.Health", reflection.SERVICE_NAME], self._server)
        host, _, wanted = self._settings.grpc_listen.rpartition(":")
        port = self._server.add_insecure_port(f"{host}:{wanted}")
        self.address = f"{host}:{port}"
        await self._health.set("", health_pb2.HealthCheckResponse.SERVING)
        await self.ready(ready=False)
        await self._server.start()

    async def ready(self, *, ready: bool) -> None:
        """Tell whether requests should be sent here."""
        serving = health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        for _, _, service in self._servicers:
            await self._health.set(service, serving)

    async def stop(self, grace: float) -> None:
        """Say that we leave, let running requests end, close."""
        await self._health.enter_graceful_shutdown()
        if self._server is not None:
            await self._server.stop(grace)


class _Guard(grpc.aio.ServerInterceptor):
    """Around every call: deadline, contract, errors, metrics."""

    def __init__(self, name: str, errors: ErrorTable, timeout: float) -> None:
        self._name, self._errors, self._timeout = name, errors, timeout

    async def intercept_service(
        self, continuation: Callable[..., Any], handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        handler = await continuation(handler_call_details)
        method: str = handler_call_details.method
        if handler is None or method.startswith("/grpc."):
            return handler
        coders = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(self._stream(method, handler.unary_stream), **coders)
        return grpc.unary_unary_rpc_method_handler(self._unary(method, handler.unary_unary), **coders)

    def _unary(self, method: str, behavior: Callable[..., Any]) -> Callable[..., Any]:
        async def call(request: Message, context: Context) -> Any:
            started = time.perf_counter()
            self._begin(context, self._timeout)
            await self._check(method, request, context, started)
            try:
                reply = await behavior(request, context)
            except Exception as error:  # noqa: BLE001 - every error becomes a status
                await self._fail(method, error, context, started)
            self._count(method, "OK", started)
            return reply

        return call

    def _stream(self, method: str, behavior: Callable[..., AsyncIterator[Any]]) -> Callable[..., Any]:
        async def call(request: Message, context: Context) -> AsyncIterator[Any]:
            started = time.perf_counter()
            self._begin(context, _LONGEST)
            await self._check(method, request, context, started)
            try:
                async for reply in behavior(request, context):
                    yield reply
            except Exception as error:  # noqa: BLE001 - every error becomes a status
                await self._fail(method, error, context, started)
            self._count(method, "OK", started)

        return call

    def _begin(self, context: Context, default: float) -> None:
        left = context.time_remaining()
        deadline.start(default if left is None else left)

    async def _check(self, method: str, request: Message, context: Context, started: float) -> None:
        found = violations(request)
        if found:
            self._count(method, "INVALID_ARGUMENT", started)
            await context.abort_with_status(invalid(found))

    async def _fail(self, method: str, error: Exception, context: Context, started: float) -> None:
        if isinstance(error, (grpc.aio.AbortError, asyncio.CancelledError)):
            raise error
        code = code_of(error, self._errors)
        if code is None:
            request_id = uuid.uuid4().hex
            log.error("call failed", method=method, request_id=request_id, exc_info=error)
            self._count(method, "INTERNAL", started)
            await context.abort_with_status(
                status(grpc.StatusCode.INTERNAL, f"internal error; quote request {request_id} to the operator", [])
            )
        else:
            found = violation_of(error)
            self._count(method, code.name, started)
            await context.abort_with_status(status(code, str(error), [found] if found.field or found.remedy else []))

    def _count(self, method: str, code: str, started: float) -> None:
        CALLS.labels(self._name, method.rsplit("/", 1)[-1], code).observe(time.perf_counter() - started)
