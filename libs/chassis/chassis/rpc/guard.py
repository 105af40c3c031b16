"""Around every call: limits, deadline, contract, errors, metrics."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf.message import Message

from chassis.rpc import deadline
from chassis.rpc.errors import ErrorTable, code_of, invalid, status, violation_of
from chassis.rpc.limits import Admission
from chassis.rpc.tenant import tenant_of
from chassis.telemetry import CALLS, IN_FLIGHT, REFUSED, RETRIED, log
from chassis.violations import violations

Context = grpc.aio.ServicerContext[Any, Any]
ON_BEHALF = "attune-on-behalf"  # set by our own channels on calls that are made to answer another one
_STREAM_USUAL = 3600.0  # seconds a stream may live when its caller sets no deadline, and the longest that one may
_RETRY = "grpc-previous-rpc-attempts"
_SECOND = 1.0  # to wait, where an error of the domain means "too much" and says no time


class Guard:
    """Health and reflection pass by it; every other call goes through it.

    It is laid around a method once, when that is registered: an interceptor would be asked again for every call.

    A call that another service of the platform makes for a request of its own was counted at that service's door: it is
    not counted against the rate again, only against what is answered at once.
    """

    def __init__(
        self, name: str, errors: ErrorTable, *, calls: Admission, streams: Admission, usual: float, longest: float
    ) -> None:
        """`usual`: seconds for callers that set no deadline; `longest`: whatever deadline they set."""
        self._name, self._errors, self._usual, self._longest = name, errors, usual, longest
        self._calls, self._streams = calls, streams
        IN_FLIGHT.labels(name, "calls").set_function(lambda: calls.inside)
        IN_FLIGHT.labels(name, "streams").set_function(lambda: streams.inside)

    def around(self, method: str, handler: Any) -> Any:
        """What answers a method, `/service/name`, with the guard before it."""
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
            tenant = await self._enter(self._calls, method, request, context, started)
            try:
                async with self._answering(method, request, context, started, self._usual, self._longest):
                    return await behavior(request, context)
            finally:
                self._calls.leave(tenant)

        return call

    def _stream(self, method: str, behavior: Callable[..., AsyncIterator[Any]]) -> Callable[..., Any]:
        async def call(request: Message, context: Context) -> AsyncIterator[Any]:
            started = time.perf_counter()
            tenant = await self._enter(self._streams, method, request, context, started)
            try:
                async with self._answering(method, request, context, started, _STREAM_USUAL, _STREAM_USUAL):
                    async for reply in behavior(request, context):
                        yield reply
            finally:
                self._streams.leave(tenant)

        return call

    async def _enter(
        self, admission: Admission, method: str, request: Message, context: Context, started: float
    ) -> str:
        tenant, sent = tenant_of(request), dict(context.invocation_metadata() or ())
        if _RETRY in sent:
            RETRIED.labels(self._name, _short(method)).inc()
        refusal = admission.enter(tenant, time.monotonic(), counted=ON_BEHALF not in sent)
        if refusal is not None:
            REFUSED.labels(self._name, _short(method), refusal.reason).inc()
            self._count(method, "RESOURCE_EXHAUSTED", started)
            message = f"{refusal.message}; try again in {refusal.wait:.2f} s"
            await context.abort_with_status(status(grpc.StatusCode.RESOURCE_EXHAUSTED, message, [], wait=refusal.wait))
        return tenant

    @asynccontextmanager
    async def _answering(
        self, method: str, request: Message, context: Context, started: float, usual: float, longest: float
    ) -> AsyncIterator[None]:
        """From the contract's rules to the status of the call, within its deadline."""
        await self._check(method, request, context, started)
        asked = context.time_remaining()
        seconds = min(usual if asked is None else asked, longest)
        deadline.start(seconds)
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                yield
        except asyncio.CancelledError:
            self._count(method, "CANCELLED", started)
            raise
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - every error becomes a status
            late = _Late(seconds) if limit.expired() else error
            await self._fail(method, late, context, started)
        self._count(method, "OK", started)

    async def _check(self, method: str, request: Message, context: Context, started: float) -> None:
        found = violations(request)
        if found:
            self._count(method, "INVALID_ARGUMENT", started)
            await context.abort_with_status(invalid(found))

    async def _fail(self, method: str, error: Exception, context: Context, started: float) -> None:
        code = grpc.StatusCode.DEADLINE_EXCEEDED if isinstance(error, _Late) else code_of(error, self._errors)
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
            wait = _SECOND if code is grpc.StatusCode.RESOURCE_EXHAUSTED else None
            told = [found] if found.field or found.remedy else []
            await context.abort_with_status(status(code, str(error), told, wait=wait))

    def _count(self, method: str, code: str, started: float) -> None:
        CALLS.labels(self._name, _short(method), code).observe(time.perf_counter() - started)


class _Late(Exception):
    """No answer within the time of the call."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:.2g} s")


def _short(method: str) -> str:
    return method.rsplit("/", 1)[-1]
