"""Channels to other services: round robin, few retries, and the caller's deadline passed on."""

from __future__ import annotations

import json
from collections.abc import Callable
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
    return grpc.aio.insecure_channel(target, options=options, interceptors=[_Unary(), _Stream()])


def _bounded(details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
    # A timeout in the service config does not reach the server: it is set on the call.
    # Outside of a request nobody waits for us but the caller, who may have said how long.
    timeout = max(0.001, remaining() - _MARGIN)
    if details.timeout is not None:
        timeout = min(timeout, details.timeout) if answering() else details.timeout
    metadata = details.metadata
    if answering():
        metadata = grpc.aio.Metadata(*(metadata or ()), (ON_BEHALF, "1"))
    return grpc.aio.ClientCallDetails(details.method, timeout, metadata, details.credentials, details.wait_for_ready)


class _Unary(grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await continuation(_bounded(client_call_details), request)


class _Stream(grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await continuation(_bounded(client_call_details), request)
