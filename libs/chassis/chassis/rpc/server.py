"""The gRPC server of a service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from chassis.rpc.errors import ErrorTable
from chassis.rpc.guard import Guard
from chassis.rpc.limits import Admission, Rate
from chassis.settings import ProcessSettings

_METADATA = 8 * 1024  # bytes of headers of a call, gRPC's own soft limit; twice that is refused always
_PINGS = 10_000  # milliseconds; our own channels ping a quiet connection every 30 s
_PROBES = 100  # calls of health and reflection beside those of the service


class GrpcServer:
    """Validates every request against the contract, turns errors into statuses, and reports health.

    Health names: "" is the process itself, the service's full name is its readiness.
    """

    def __init__(self, settings: ProcessSettings, *, errors: ErrorTable) -> None:
        self._settings, self._errors = settings, errors
        self._servicers: list[tuple[Callable[..., None], object, str]] = []
        self._health = HealthServicer()
        self._server: grpc.aio.Server | None = None
        self._guard: Guard | None = None
        self.address = ""

    def add(self, add_to_server: Callable[..., None], servicer: object, service: str) -> None:
        """Register a servicer with its generated function and full name, before `start`."""
        self._servicers.append((add_to_server, servicer, service))

    async def start(self, name: str) -> None:
        """Listen. Not ready until `ready(True)`."""
        self._server = grpc.aio.server(
            options=_options(self._settings),
            # The last wall, without a hint to the caller; the guard refuses before, with one.
            maximum_concurrent_rpcs=2 * (self._settings.calls_at_once + self._settings.streams_at_once) + _PROBES,
        )
        self._guard = self._made_guard(name)
        guarded = _Guarded(self._server, self._guard)
        for add_to_server, servicer, _ in self._servicers:
            add_to_server(servicer, guarded)
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
        if self._guard is not None:
            self._guard.leave()
        if self._server is not None:
            await self._server.stop(grace)

    def _made_guard(self, name: str) -> Guard:
        s = self._settings

        def admission(kind: str, at_once: int) -> Admission:
            return Admission(kind, Rate(s.rate_per_tenant, s.rate_burst), at_once, s.tenant_share)

        return Guard(
            name,
            self._errors,
            calls=admission("calls", s.calls_at_once),
            streams=admission("streams", s.streams_at_once),
            usual=s.request_timeout.total_seconds(),
            longest=s.request_timeout_most.total_seconds(),
        )


class _Guarded:
    """The server as generated code sees it: what is registered here answers with the guard before it."""

    def __init__(self, server: grpc.aio.Server, guard: Guard) -> None:
        self._server, self._guard = server, guard

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """Nothing: generated code registers the same methods by name too, and only those are answered."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Each of them, guarded."""
        guarded = {name: self._guard.around(f"/{service}/{name}", handler) for name, handler in handlers.items()}
        self._server.add_registered_method_handlers(service, guarded)


def _options(settings: ProcessSettings) -> list[tuple[str, int]]:
    size = settings.max_message_bytes
    return [
        ("grpc.max_receive_message_length", size),
        ("grpc.max_send_message_length", size),
        ("grpc.max_metadata_size", _METADATA),
        ("grpc.absolute_max_metadata_size", 2 * _METADATA),
        ("grpc.max_concurrent_streams", settings.streams_per_connection),  # more of them wait in the client
        ("grpc.max_connection_age_ms", 60_000),  # so that clients notice new replicas
        ("grpc.max_connection_age_grace_ms", 3_600_000),  # but streams live on: as long as any stream may
        ("grpc.keepalive_time_ms", 30_000),  # a watcher that vanished is noticed, and its place is free again
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.http2.min_ping_interval_without_data_ms", _PINGS),
        ("grpc.http2.max_ping_strikes", 2),  # then the connection is closed with `too_many_pings`
        ("grpc.so_reuseport", 0),  # a port that is taken is an error, not a share
    ]
