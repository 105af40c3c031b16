"""How the services are, by gRPC health."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2

from attune_cli.contract import GROUPS, SERVICE_OF
from attune_cli.failures import Refused
from attune_cli.services import Services
from attune_embedded.plan import health_name

_PATIENCE = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class Health:
    """How one service is."""

    service: str
    address: str
    state: str  # "serving", "not ready", "away" or "unknown address"
    milliseconds: float


async def of(services: Services, name: str) -> Health:
    """Asks once; never raises for a service that is away."""
    address = getattr(services.endpoints, name)
    if not address:
        return Health(name, "", "unknown address", 0.0)
    check = services.channel(name).unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    began = time.perf_counter()
    try:
        answer = await check(health_pb2.HealthCheckRequest(service=health_name(name)), timeout=_PATIENCE)
    except grpc.aio.AioRpcError:
        return Health(name, address, "away", 0.0)
    serving = answer.status == health_pb2.HealthCheckResponse.SERVING
    return Health(name, address, "serving" if serving else "not ready", (time.perf_counter() - began) * 1000)


async def readers_ready(services: Services, topics: Collection[str]) -> None:
    """Raises Refused, before anything is sent, when a service that has to read one of the topics is not serving."""
    readers = dict.fromkeys(SERVICE_OF[group] for topic in topics for group in GROUPS.get(topic, ()))
    for name in readers:
        found = await of(services, name)
        if found.state != "serving":
            raise Refused(
                f"{name} ({found.address or 'no address'}) is {found.state} and has to read this: start it with "
                "`attune up`, or send without waiting with --no-wait (a real Kafka keeps it; the embedded one 5 MiB)"
            )
