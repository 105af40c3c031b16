"""Exceptions → gRPC statuses that say what was wrong, with which value, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from chassis.violations import Violation, shorten

ErrorTable = Mapping[type[Exception], grpc.StatusCode]


def code_of(error: Exception, table: ErrorTable) -> grpc.StatusCode | None:
    """The status of an exception: that of its nearest ancestor in the table."""
    return next((table[kind] for kind in type(error).__mro__ if kind in table), None)


def violation_of(error: Exception) -> Violation:
    """Domain errors carry `field`, `value` and `remedy` where they have them."""
    parts = (getattr(error, name, "") for name in ("field", "value", "remedy"))
    field, value, remedy = parts
    return Violation(str(field), shorten(value) if value != "" else "", str(remedy))


def status(code: grpc.StatusCode, message: str, found: Sequence[Violation]) -> grpc.Status:
    """A rich status with one BadRequest field violation each."""
    rich = status_pb2.Status(code=code.value[0], message=message)
    if found:
        bad = error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(field=v.field, description=_describe(v)) for v in found
            ]
        )
        packed = any_pb2.Any()
        packed.Pack(bad)
        rich.details.append(packed)
    return rpc_status.to_status(rich)


def invalid(found: Sequence[Violation]) -> grpc.Status:
    """The status of a request that breaks the contract."""
    message = "; ".join(f"{v.field or 'request'}: {_describe(v)}" for v in found)
    return status(grpc.StatusCode.INVALID_ARGUMENT, message, found)


def _describe(found: Violation) -> str:
    return f"{found.remedy} (given: {found.value!r})" if found.value else found.remedy
