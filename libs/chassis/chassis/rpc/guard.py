"""Around every call: limits, deadline, contract, errors, metrics."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import Message

from chassis.rpc import deadline
from chassis.rpc.errors import ErrorTable, code_of, invalid, status, violation_of
from chassis.rpc.limits import Admission, Refusal
from chassis.rpc.resting import Resting
from chassis.rpc.tenant import tenant_of
from chassis.telemetry import CALLS, IN_FLIGHT, REFUSED, RETRIED, log
from chassis.violations import Violation, violations

Context = grpc.aio.ServicerContext[Any, Any]
ON_BEHALF = "attune-on-behalf"  # set by our own channels on calls that are made to answer another one
_KEPT_OPEN = "kept open"  # in place of a tenant, whose names have no blank: streams on which all of them are asked for
_STREAM_USUAL = 3600.0  # seconds a stream may live when its caller sets no deadline, and the longest that one may
_RETRY = "grpc-previous-rpc-attempts"
_SECOND = 1.0  # to wait, where an error of the domain means "too much" and says no time


class Guard:
    """Health and reflection pass by it; every other call goes through it.

    It is laid around a method once, when that is registered: an interceptor would be asked again for every call.

    A call that another service of the platform makes for a request of its own was counted at that service's door: it is
    not counted against the rate again, only against what is answered at once.

    A method whose requests are a stream is served by what answers one of them: each is guarded like a call, and
    answered before the next one is read, so that a stream never holds more than one. An error ends it, with its status.
    """

    def __init__(
        self, name: str, errors: ErrorTable, *, calls: Admission, streams: Admission, usual: float, longest: float
    ) -> None:
        """`usual`: seconds for callers that set no deadline; `longest`: whatever deadline they set."""
        self._name, self._errors, self._usual, self._longest = name, errors, usual, longest
        self._calls, self._streams = calls, streams
        self._resting = Resting()
        self._observed: dict[tuple[str, str], Callable[[float], None]] = {}  # finding a metric costs more than its use
        IN_FLIGHT.labels(name, "calls").set_function(lambda: calls.inside)
        IN_FLIGHT.labels(name, "streams").set_function(lambda: streams.inside)

    def around(self, method: str, handler: Any) -> Any:
        """What answers a method, `/service/name`, with the guard before it."""
        coders = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.request_streaming:
            return grpc.stream_stream_rpc_method_handler(self._one_by_one(method, handler.stream_stream), **coders)
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(self._stream(method, handler.unary_stream), **coders)
        return grpc.unary_unary_rpc_method_handler(self._unary(method, handler.unary_unary), **coders)

    def leave(self) -> None:
        """Streams of requests end when what was asked is answered."""
        self._resting.leave()

    def _unary(self, method: str, behavior: Callable[..., Any]) -> Callable[..., Any]:
        answer = self._answer(method, behavior)

        async def call(request: Message, context: Context) -> Any:
            return await answer(request, context, counted=self._counted(method, context))

        return call

    def _one_by_one(self, method: str, behavior: Callable[..., Any]) -> Callable[..., Any]:
        answer = self._answer(method, behavior)

        async def lane(_requests: object, context: Context) -> None:
            started, counted = time.perf_counter(), self._counted(method, context)
            if refusal := self._streams.enter(_KEPT_OPEN, time.monotonic(), counted=counted):
                await self._refuse(refusal, method, context, started)
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_STREAM_USUAL):
                        while (request := await self._resting.next(context)) is not None:
                            await context.write(await answer(request, context, counted=counted))
            finally:
                self._streams.leave(_KEPT_OPEN)

        return lane

    def _answer(self, method: str, behavior: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        async def answer(request: Message, context: Context, *, counted: bool) -> Any:
            started = time.perf_counter()
            tenant = tenant_of(request)
            if refusal := self._calls.enter(tenant, time.monotonic(), counted=counted):
                await self._refuse(refusal, method, context, started)
            try:
                if found := violations(request):
                    await self._return(found, method, context, started)
                limit = _started(context, self._usual, self._longest)
                try:
                    async with limit.timeout:
                        reply = await behavior(request, context)
                except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - every error becomes a status
                    await self._end(error, method, limit, context, started)
                self._count(method, "OK", started)
                return reply
            finally:
                self._calls.leave(tenant)

        return answer

    def _stream(self, method: str, behavior: Callable[..., AsyncIterator[Any]]) -> Callable[..., Any]:
        async def call(request: Message, context: Context) -> AsyncIterator[Any]:
            started = time.perf_counter()
            tenant = tenant_of(request)
            counted = self._counted(method, context)
            if refusal := self._streams.enter(tenant, time.monotonic(), counted=counted):
                await self._refuse(refusal, method, context, started)
            try:
                if found := violations(request):
                    await self._return(found, method, context, started)
                limit = _started(context, _STREAM_USUAL, _STREAM_USUAL)
                try:
                    async with limit.timeout:
                        async for reply in behavior(request, context):
                            yield reply
                except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - every error becomes a status
                    await self._end(error, method, limit, context, started)
                self._count(method, "OK", started)
            finally:
                self._streams.leave(tenant)

        return call

    def _counted(self, method: str, context: Context) -> bool:
        """Whether the rate counts it."""
        sent = dict(context.invocation_metadata() or ())
        if _RETRY in sent:
            RETRIED.labels(self._name, _short(method)).inc()
        return ON_BEHALF not in sent

    async def _refuse(self, refusal: Refusal, method: str, context: Context, started: float) -> None:
        REFUSED.labels(self._name, _short(method), refusal.reason).inc()
        self._count(method, "RESOURCE_EXHAUSTED", started)
        message = f"{refusal.message}; try again in {refusal.wait:.2f} s"
        await context.abort_with_status(status(grpc.StatusCode.RESOURCE_EXHAUSTED, message, [], wait=refusal.wait))

    async def _return(self, found: Sequence[Violation], method: str, context: Context, started: float) -> None:
        """What breaks the contract is returned to its sender."""
        self._count(method, "INVALID_ARGUMENT", started)
        await context.abort_with_status(invalid(found))

    async def _end(
        self, error: Exception | asyncio.CancelledError, method: str, limit: _Limit, context: Context, started: float
    ) -> None:
        """End the call with the status of an error."""
        if isinstance(error, asyncio.CancelledError):
            self._count(method, "CANCELLED", started)
            raise error
        if isinstance(error, grpc.aio.AbortError):
            raise error
        late = _Late(limit.seconds) if limit.timeout.expired() else error
        await self._fail(method, late, context, started)

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
        observe = self._observed.get((method, code))
        if observe is None:
            observe = self._observed[method, code] = CALLS.labels(self._name, _short(method), code).observe
        observe(time.perf_counter() - started)


class _Limit(NamedTuple):
    """How long a call may take."""

    seconds: float
    timeout: asyncio.Timeout


def _started(context: Context, usual: float, longest: float) -> _Limit:
    """The limit of a call that begins now: what its caller set, or what is usual."""
    asked = context.time_remaining()
    seconds = min(usual if asked is None else asked, longest)
    deadline.start(seconds)
    return _Limit(seconds, asyncio.timeout(seconds))


class _Late(Exception):
    """No answer within the time of the call."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:.2g} s")


def _short(method: str) -> str:
    return method.rsplit("/", 1)[-1]
