"""`attune erase`: forget a person everywhere."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack
from typing import Annotated, Any

import typer

from attune.content.v1 import content_pb2
from attune.events.v1.erasure_pb2 import ErasureRequest
from attune.needs.v1 import needs_pb2
from attune.qa.v1 import qa_pb2
from attune.recommender.v1 import recommender_pb2
from attune.types.v1.types_pb2 import Erased, UserRef
from attune_cli.contract import key_of, topic_of
from attune_cli.failures import BadInput, Failure, NothingFound, Refused
from attune_cli.log import writing
from attune_cli.options import Json, Tenant, User
from attune_cli.output import as_json, complain, print_json, say, table
from attune_cli.services import SERVICES, Services, connected
from attune_embedded.endpoints import UnknownEndpointError
from chassis.kafka.decode import checked


def erase(
    user: User,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether it is meant.")] = False,
    tenant: Tenant = "",
    json: Json = False,
) -> None:
    """Forget a person in all four services, and print what each store removed. It cannot be undone; repeats are safe.

    Example: attune erase maria --yes

    Exits with 3 when nothing was held, and with 1 when a service was away: it forgets the person when it comes back
    and reads the request on attune.erasures.v1.
    """
    request = ErasureRequest(event_id=uuid.uuid4().hex, tenant=tenant, user_id=user)
    request.requested_at.GetCurrentTime()
    checked(request)
    if not yes and not json:
        typer.confirm(f"Forget everything about {user}?", abort=True)
    receipts, away = asyncio.run(_erase(request))
    if json:
        print_json({"user_id": user, "erased": [as_json(each) for each in receipts], "away": away})
    else:
        table(["service", "store", "removed"], [[each.service, each.store, each.count] for each in receipts])
        say(f"{sum(each.count for each in receipts)} records of {user} removed")
    if away:
        raise Refused(f"{', '.join(away)} away: forgets {user} when it reads {topic_of(ErasureRequest)}")
    if not any(each.count for each in receipts):
        raise NothingFound("" if json else f"nothing was held of {user}")


async def _erase(request: ErasureRequest) -> tuple[list[Erased], list[str]]:
    """What the stores removed, and the services that could not be asked.

    The services are asked first, so that the receipt says what was there; the request on Kafka then reaches those that
    are away, and events that were sent before it do not bring the person back.
    """
    receipts: list[Erased] = []
    away: list[str] = []
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(connected())
        producer = await stack.enter_async_context(writing(services.endpoints.require("kafka")))
        for name in SERVICES:
            try:
                receipts += await _one(services, name, UserRef(tenant=request.tenant, user_id=request.user_id))
            except BadInput:
                raise
            except (Failure, UnknownEndpointError) as error:
                complain(str(error))
                away.append(name)
        await producer.send(topic_of(ErasureRequest), key_of(request), request)
    return receipts, away


async def _one(services: Services, name: str, user: UserRef) -> list[Erased]:
    requests: dict[str, tuple[Any, Any]] = {
        "needs": (services.needs, needs_pb2.EraseUserRequest),
        "recommender": (services.recommender, recommender_pb2.EraseUserRequest),
        "qa": (services.qa, qa_pb2.EraseUserRequest),
        "content": (services.content, content_pb2.EraseUserRequest),
    }
    service, request = requests[name]
    with service() as stub:
        return list((await stub.EraseUser(request(user=user))).erased)
