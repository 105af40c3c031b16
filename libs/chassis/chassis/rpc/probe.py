"""Asks a server whether it is ready: `python -m chassis.rpc.probe HOST:PORT [SERVICE]`. Exit code 0 means yes."""

from __future__ import annotations

import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_SECONDS = 3.0


def serving(address: str, service: str = "") -> bool:
    """Whether the server at `address` serves `service` (its full name; empty: the process itself)."""
    with grpc.insecure_channel(address) as channel:
        try:
            request = health_pb2.HealthCheckRequest(service=service)
            reply = health_pb2_grpc.HealthStub(channel).Check(request, timeout=_SECONDS)  # type: ignore[attr-defined] # generated at import
        except grpc.RpcError:
            return False
    return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:  # noqa: PLR2004 - address, and perhaps a service
        sys.stderr.write(f"{__doc__}\n")
        raise SystemExit(2)
    raise SystemExit(0 if serving(*sys.argv[1:]) else 1)
