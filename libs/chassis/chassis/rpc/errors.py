"""Exceptions → gRPC statuses that say what was wrong, with which value, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from chassis.violations import Violation, shorten

ErrorTable = Mapping[type[Exception], grpc.StatusCode]
_DETAILS = "grpc-status-details-bin"  # the metadata that carries google.rpc.Status
_PUSHBACK = "grpc-retry-pushback-ms"  # what gRPC's own retries obey
# A client refuses more than 8 KB of metadata, and would then see nothing of the error at all.
_MOST_VIOLATIONS, _LONGEST_MESSAGE = 16, 1_000


class _Status(NamedTuple):
    code: grpc.StatusCode
    details: str
    trailing_metadata: tuple[tuple[str, str | bytes], ...]


class _Rich(_Status, grpc.Status):
    """What a servicer's context takes to end a call."""


def code_of(error: Exception, table: ErrorTable) -> grpc.StatusCode | None:
    """The status of an exception: that of its nearest ancestor in the table."""
    return next((table[kind] for kind in type(error).__mro__ if kind in table), None)


def is_refusal(error: grpc.aio.AioRpcError) -> bool:
    """Whether a service that is well said "too much" to this call: no reason to leave it alone for all the others."""
    return error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def violation_of(error: Exception) -> Violation:
    """Domain errors carry `field`, `value` and `remedy` where they have them."""
    parts = (getattr(error, name, "") for name in ("field", "value", "remedy"))
    field, value, remedy = parts
    return Violation(str(field), shorten(value) if value != "" else "", str(remedy))


def status(
    code: grpc.StatusCode, message: str, found: Sequence[Violation], *, wait: float | None = None
) -> grpc.Status:
    """A rich status with one BadRequest field violation each; `wait`: the seconds after which to try again."""
    details: list[Message] = []
    if found:
        fields = [_field_violation(each) for each in found[:_MOST_VIOLATIONS]]
        details.append(error_details_pb2.BadRequest(field_violations=fields))
    pushback: tuple[tuple[str, str | bytes], ...] = ()
    if wait is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromTimedelta(timedelta(seconds=wait))
        details.append(retry)
        pushback = ((_PUSHBACK, str(max(1, round(wait * 1_000)))),)
    rich = status_pb2.Status(code=code.value[0], message=_bounded(message), details=map(_packed, details))
    return _Rich(code, rich.message, ((_DETAILS, rich.SerializeToString()), *pushback))


def invalid(found: Sequence[Violation]) -> grpc.Status:
    """The status of a request that breaks the contract."""
    message = "; ".join(f"{v.field or 'request'}: {_describe(v)}" for v in found)
    return status(grpc.StatusCode.INVALID_ARGUMENT, message, found)


def _field_violation(found: Violation) -> error_details_pb2.BadRequest.FieldViolation:
    return error_details_pb2.BadRequest.FieldViolation(field=found.field, description=_describe(found))


def _describe(found: Violation) -> str:
    return f"{found.remedy} (given: {found.value!r})" if found.value else found.remedy


def _bounded(message: str) -> str:
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…"


def _packed(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
