"""What a command could not do, as one clear line and an exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import grpc
from google.rpc import error_details_pb2, status_pb2

from attune_embedded.child import StartError
from attune_embedded.endpoints import NoPlatformError, UnknownEndpointError
from attune_embedded.platform import DataInUseError

if TYPE_CHECKING:
    from chassis.kafka import Rejected

_BAD_INPUT = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE}
_DETAILS = "grpc-status-details-bin"  # the metadata that carries google.rpc.Status
_AWAY = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


class Failure(Exception):
    """The end of a command; `code` is the exit code of the process."""

    code = 1


class Refused(Failure):
    """The platform said no, or is not there."""


class BadInput(Failure):
    """What was given cannot be meant."""

    code = 2


class NothingFound(Failure):
    """Nothing was found, or nothing changed."""

    code = 3


def of_call(error: grpc.aio.AioRpcError, service: str, address: str) -> Failure:
    """What a service answered to a call that failed."""
    said = error.details() or ""
    if error.code() in _AWAY:
        why = "did not answer in time" if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED else "is not there"
        return Refused(f"{service} at {address} {why}: look at `attune status`; `attune up` starts it ({said})")
    if error.code() in _BAD_INPUT:
        return BadInput("\n".join(_field_violations(error)) or said)
    if error.code() is grpc.StatusCode.NOT_FOUND:
        return NothingFound(said)
    if error.code() is grpc.StatusCode.UNIMPLEMENTED:
        return Refused(f"{service} at {address} does not know this call: it is another version ({said})")
    name = error.code().name.lower().replace("_", " ")
    return Refused(f"{service} refused ({name}): {said}")


_REFUSALS = (NoPlatformError, UnknownEndpointError, DataInUseError, StartError)


def of(error: Exception) -> Failure | None:
    """The failure that an exception means to a person at the terminal; None: a bug of ours."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, _REFUSALS):
        return Refused(str(error))
    if isinstance(error, OSError) and error.filename is not None:
        return BadInput(f"{error.filename}: {error.strerror}")
    return _of_kafka(error)


def _of_kafka(error: Exception) -> Failure | None:
    if "aiokafka" not in sys.modules:  # a command without events; loading Kafka's client takes longer than the command
        return None
    from aiokafka.errors import KafkaConnectionError, KafkaError  # noqa: PLC0415 - only where it is loaded already

    from chassis.kafka import Rejected  # noqa: PLC0415 - the same

    if isinstance(error, Rejected):
        return BadInput(told(error))
    if isinstance(error, KafkaError):
        away = isinstance(error, KafkaConnectionError)
        hint = "Kafka is not there: look at `attune status`; `attune up` starts it" if away else "Kafka refused"
        return Refused(f"{hint} ({error})")
    return None


def told(why: Rejected) -> str:
    """`field = value: remedy`."""
    given = f" = {why.value!r}" if why.value else ""
    return f"{why.field or why.reason}{given}: {why.remedy or why.reason}"


def _field_violations(error: grpc.aio.AioRpcError) -> list[str]:
    packed = dict(error.trailing_metadata() or ()).get(_DETAILS)
    lines = []
    for detail in status_pb2.Status.FromString(packed).details if isinstance(packed, bytes) else []:
        bad = error_details_pb2.BadRequest()
        if detail.Unpack(bad):
            lines += [f"{found.field or 'request'}: {found.description}" for found in bad.field_violations]
    return lines
