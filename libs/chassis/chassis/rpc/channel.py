"""Channels to other services: round robin, few retries, and the caller's deadline passed on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import grpc

from chassis.rpc.deadline import answering, remaining
from chassis.rpc.guard import ON_BEHALF

_MARGIN = 0.01  # seconds kept for our own answer after theirs
_SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.02s",
                    "maxBackoff": "0.2s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],  # never RESOURCE_EXHAUSTED: more calls are no cure
                },
            }
        ],
        # A failed try takes a token, an answer gives a tenth back; with half of them left or fewer none is retried.
        # A server that is gone is soon tried once a call, not thrice, and so until some fifty calls were answered.
        "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
    }
)


def channel(target: str, *, name: str) -> grpc.aio.Channel:
    """A channel to `target` (host:port or dns:///name:port). Create it inside the running loop."""
    options = [
        ("grpc.service_config", _SERVICE_CONFIG),
        ("grpc.primary_user_agent", f"attune-{name}"),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),  # a service that comes back is found within two seconds
        ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ]
    made = grpc.aio.insecure_channel(target, options=options)
    unary, stream = made.unary_unary, made.unary_stream  # what generated stubs are made of
    made.unary_unary = lambda *given, **named: _bounded(unary(*given, **named))  # type: ignore[method-assign]
    made.unary_stream = lambda *given, **named: _bounded(stream(*given, **named))  # type: ignore[method-assign]
    return made


def _bounded(call: Callable[..., Any]) -> Any:
    """A method of a stub that says how long its caller can wait.

    An interceptor would say it too, but starts a task for each call and stands between it and its answer.
    """

    def bounded(
        request: Any, *, timeout: float | None = None, metadata: Sequence[tuple[str, Any]] | None = None, **others: Any
    ) -> Any:
        # A timeout in the service config does not reach the server: it is set on the call.
        # Outside of a request nobody waits for us but the caller, who may have said how long.
        within = max(0.001, remaining() - _MARGIN)
        if not answering():
            return call(request, timeout=within if timeout is None else timeout, metadata=metadata, **others)
        within = within if timeout is None else min(within, timeout)
        told = grpc.aio.Metadata(*(metadata or ()), (ON_BEHALF, "1"))
        return call(request, timeout=within, metadata=told, **others)

    return bounded
