"""`attune erase`: forget a person everywhere."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC
from typing import Annotated, Any

import typer
from aiokafka.errors import KafkaError

from attune.content.v1 import content_pb2
from attune.events.v1.erasure_pb2 import ErasureRequest
from attune.needs.v1 import needs_pb2
from attune.qa.v1 import qa_pb2
from attune.recommender.v1 import recommender_pb2
from attune.types.v1.types_pb2 import Erased, UserRef
from attune_cli.contract import key_of, topic_of
from attune_cli.failures import BadInput, Failure, Refused
from attune_cli.log import writing
from attune_cli.options import Json, Tenant, User
from attune_cli.output import as_json, complain, print_json, say, table
from attune_cli.services import SERVICES, Services, connected
from attune_embedded.endpoints import UnknownEndpointError
from chassis.kafka import Position
from chassis.kafka.decode import checked

_TOPIC = topic_of(ErasureRequest)


@dataclass(slots=True)
class Receipt:
    """What was removed, and what is still to be done."""

    request: ErasureRequest
    also: list[str] = field(default_factory=list)  # ids the person had before signing in
    erased: list[tuple[str, Erased]] = field(default_factory=list)  # of which id
    pending: dict[str, str] = field(default_factory=dict)  # service → why it has not removed anything yet
    written: Position | None = None  # the request on Kafka
    unwritten: str = ""  # why it is not there


def erase(
    user: User,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether it is meant.")] = False,
    tenant: Tenant = "",
    json: Json = False,
) -> None:
    """Forget a person in all four services, under every id they had before they signed in, and print what was removed.

    It cannot be undone; repeats are safe.

    Example: attune erase maria --yes

    Exits with 1 when a service was away: it forgets the person when it comes back and reads attune.erasures.v1.
    """
    request = ErasureRequest(event_id=uuid.uuid4().hex, tenant=tenant, user_id=user)
    request.requested_at.GetCurrentTime()
    checked(request)
    if not yes and not json:
        typer.confirm(f"Forget everything about {user}?", abort=True)
    receipt = asyncio.run(_erase(request))
    if json:
        print_json(_document(receipt))
    else:
        _print(receipt)
    for name, why in receipt.pending.items():
        then = "give the command again" if receipt.written is None else f"it will when it reads {_TOPIC}"
        complain(f"{name} has not forgotten {user} yet: {then} ({why})")
    if receipt.written is None:
        complain(
            f"{_TOPIC} does not hold the request: give the command again once Kafka is there ({receipt.unwritten})"
        )
    if receipt.pending or receipt.written is None:
        raise Refused


async def _erase(request: ErasureRequest) -> Receipt:
    """Services are asked first, so that the receipt says what was there.

    The request on Kafka then reaches those that are away. In either way each service remembers the wish, so that events
    from before it do not bring the person back.
    """
    receipt = Receipt(request)
    async with connected() as services:
        receipt.also = await _known_as(services, UserRef(tenant=request.tenant, user_id=request.user_id))
        for user in (*receipt.also, request.user_id):  # the links go last: what fails before is found again by them
            await _erase_one(services, receipt, UserRef(tenant=request.tenant, user_id=user))
        try:
            async with AsyncExitStack() as stack:
                producer = await stack.enter_async_context(writing(services.endpoints.require("kafka")))
                receipt.written = await producer.send(_TOPIC, key_of(request), request)
        except (KafkaError, UnknownEndpointError) as error:
            receipt.unwritten = str(error)
    return receipt


async def _known_as(services: Services, user: UserRef) -> list[str]:
    """Where needs is away it finds them itself when it reads the request, and tells the others."""
    try:
        with services.needs() as stub:
            return list((await stub.GetNeed(needs_pb2.GetNeedRequest(user=user))).need.also_known_as)
    except BadInput:
        raise
    except (Failure, UnknownEndpointError):
        return []


async def _erase_one(services: Services, receipt: Receipt, user: UserRef) -> None:
    answers = await asyncio.gather(*(_asked(services, name, user) for name in SERVICES))
    for name, done in zip(SERVICES, answers, strict=True):
        if isinstance(done, str):
            receipt.pending[name] = done
        else:
            receipt.erased += [(user.user_id, each) for each in done]


async def _asked(services: Services, name: str, user: UserRef) -> list[Erased] | str:
    """What a service removed, or why it did not; raises BadInput for what no service takes."""
    requests: dict[str, tuple[Any, Any]] = {
        "needs": (services.needs, needs_pb2.EraseUserRequest),
        "recommender": (services.recommender, recommender_pb2.EraseUserRequest),
        "qa": (services.qa, qa_pb2.EraseUserRequest),
        "content": (services.content, content_pb2.EraseUserRequest),
    }
    service, request = requests[name]
    try:
        with service() as stub:
            return list((await stub.EraseUser(request(user=user))).erased)
    except BadInput:
        raise
    except (Failure, UnknownEndpointError) as error:
        return str(error)


def _print(receipt: Receipt) -> None:
    rows = [
        [each.service, *_what_and_where(each), each.count, each.erased_at.ToDatetime(UTC).isoformat("T", "seconds"), of]
        for of, each in receipt.erased
    ]
    rows += [[name, "", "", "not yet", "", receipt.request.user_id] for name in receipt.pending]
    columns = ["service", "what", "where", "removed", "when", "of"]
    shown = len(columns) - (not receipt.also)  # of whom is clear where there is one
    table(columns[:shown], [row[:shown] for row in rows])
    user, removed = receipt.request.user_id, sum(each.count for _, each in receipt.erased)
    say(f"{removed} records of {user} removed" if removed else f"nothing was held of {user}")
    if receipt.written is not None:
        say(f"{_TOPIC} partition {receipt.written.partition} offset {receipt.written.offset} holds the request")


def _document(receipt: Receipt) -> dict[str, Any]:
    """The receipt for scripts."""
    at = receipt.written
    erased = []
    for of, each in receipt.erased:
        what, where = _what_and_where(each)
        erased.append({**as_json(each), "what": what, "where": where, "of": of})
    return {
        "user_id": receipt.request.user_id,
        "tenant": receipt.request.tenant,
        "also_known_as": receipt.also,
        "requested_at": receipt.request.requested_at.ToJsonString(),
        "erased": erased,
        "pending": [{"service": name, "why": why} for name, why in receipt.pending.items()],
        "request": None if at is None else {"topic": at.topic, "partition": at.partition, "offset": at.offset},
    }


def _what_and_where(erased: Erased) -> tuple[str, str]:
    """A store is called after its engine and what lies there, such as `redis need`."""
    where, _, what = erased.store.partition(" ")
    return what, where
