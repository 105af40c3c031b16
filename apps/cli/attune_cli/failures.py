"""What a command could not do, as one clear line and an exit code."""

from __future__ import annotations

from typing import Any

import grpc
from aiokafka.errors import KafkaConnectionError, KafkaError
from attune_embedded.child import StartError
from attune_embedded.endpoints import NoPlatformError, UnknownEndpointError
from attune_embedded.platform import DataInUseError
from chassis.kafka import Rejected
from google.rpc import error_details_pb2
from grpc_status import rpc_status

_BAD_INPUT = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE}
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


def of(error: Exception) -> Failure | None:
    """The failure that an exception means to a person at the terminal; None: a bug of ours."""
    match error:
        case Failure():
            return error
        case Rejected():
            return BadInput(told(error))
        case NoPlatformError() | UnknownEndpointError() | DataInUseError() | StartError():
            return Refused(str(error))
        case KafkaConnectionError():
            return Refused(f"Kafka is not there: look at `attune status`; `attune up` starts it ({error})")
        case KafkaError():
            return Refused(f"Kafka refused: {error}")
        case FileNotFoundError() | PermissionError() | IsADirectoryError():
            return BadInput(f"{error.filename}: {error.strerror}")
    return None


def told(why: Rejected) -> str:
    """field = value: remedy."""
    given = f" = {why.value!r}" if why.value else ""
    return f"{why.field or why.reason}{given}: {why.remedy or why.reason}"


def _field_violations(error: grpc.aio.AioRpcError) -> list[str]:
    status = rpc_status.from_call(_Sync(error))
    lines = []
    for packed in [] if status is None else status.details:
        bad = error_details_pb2.BadRequest()
        if packed.Unpack(bad):
            lines += [f"{found.field or 'request'}: {found.description}" for found in bad.field_violations]
    return lines


class _Sync:
    """The part of a call that grpc_status reads; an AioRpcError has all of it, under types of its own."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self._error = error

    def code(self) -> grpc.StatusCode:
        return self._error.code()

    def details(self) -> str:
        return self._error.details() or ""

    def trailing_metadata(self) -> Any:
        return self._error.trailing_metadata()
