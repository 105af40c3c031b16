"""`attune send`: one event."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
import sys
import time
import uuid
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
import typer

from attune.content.v1.content_pb2 import GetExperimentRequest
from attune.needs.v1.needs_pb2 import GetNeedRequest
from attune.types.v1.types_pb2 import UserRef, Watermark
from attune_cli.contract import ClickstreamEvent, QueryEvent, key_of, topic_of
from attune_cli.failures import BadInput, Refused
from attune_cli.log import writing
from attune_cli.options import Json, Tenant
from attune_cli.output import print_json, say
from attune_cli.services import Services, connected
from chassis.kafka import Position
from chassis.kafka.decode import checked, from_mapping

What = Literal["view", "click", "add_to_cart", "remove_from_cart", "purchase", "like", "dislike", "rate", "review",
               "return", "impression", "identify", "query"]  # fmt: skip
_PATIENCE = 4.5  # seconds
Event = ClickstreamEvent | QueryEvent


def send(
    what: Annotated[What, typer.Argument(help="What the person did.")],
    user: Annotated[str, typer.Option("--user", help="The person, or anon:<session> before sign-in.")],
    product: Annotated[str, typer.Option("--product", help="To which product; of a question: about which.")] = "",
    text: Annotated[str, typer.Option("--text", help="The words of a review or a query.")] = "",
    rating: Annotated[float | None, typer.Option("--rating", help="Stars, 1 (bad) to 5 (good).")] = None,
    quantity: Annotated[int, typer.Option("--quantity", min=0, help="Pieces bought or put into the cart.")] = 0,
    content: Annotated[str, typer.Option("--content", help="The text this impression or click belongs to: "
                                         "what `compose --json` printed, or - for standard input.")] = "",
    question: Annotated[bool, typer.Option("--question", help="The query is a question, not a search.")] = False,
    dialogue: Annotated[str, typer.Option("--dialogue", help="The conversation a question belongs to.")] = "",
    anonymous: Annotated[str, typer.Option("--anonymous", help="The id someone who signs in had before.")] = "",
    dwell: Annotated[int, typer.Option("--dwell-ms", min=0, help="Milliseconds the product was looked at.")] = 0,
    session: Annotated[str, typer.Option("--session", help="The visit.")] = "",
    language: Annotated[str, typer.Option("--language", help="Language of the words.")] = "",
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="When it happened, such as 2026-01-31T12:00:00Z; "
                                    "empty is now.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the need holds it, and the experiment that a "
                                  "text belongs to; say how long.")] = False,
    tenant: Tenant = "",
    json: Json = False,
) -> None:  # fmt: skip
    """Send one event: a behaviour towards a product, or the words of a query.

    Example: attune send view --user maria --product kettle-steep-temp --wait

    Words: attune send query --user maria --text "绿茶 茶具"

    Signing in: attune send identify --user maria --anonymous anon:7f3a

    Prints where Kafka put it; `--wait` exits with 1 when it was not there in time.
    """
    now = datetime.now(UTC).isoformat()
    form: dict[str, Any] = {"event_id": uuid.uuid4().hex, "tenant": tenant, "user_id": user, "session_id": session,
                            "occurred_at": at or now, "language": language}  # fmt: skip
    if what == "query":
        form |= {"kind": "question" if question else "search", "text": text, "dialogue_id": dialogue,
                 "product_id": product}  # fmt: skip
    else:
        form |= {"kind": what, "product_id": product, "text": text, "rating": rating, "quantity": quantity,
                 "dwell_ms": dwell, "anonymous_id": anonymous}  # fmt: skip
        form |= _content(content) if content else {}
    message: type[Event] = QueryEvent if what == "query" else ClickstreamEvent
    event: Event = checked(from_mapping(message, form))
    position, milliseconds = asyncio.run(_send(event, wait=wait))
    if json:
        print_json({"event_id": event.event_id, "topic": position.topic, "partition": position.partition,
                    "offset": position.offset, "applied_after_ms": milliseconds})  # fmt: skip
    else:
        applied = "" if milliseconds is None else f", applied {milliseconds:.1f} ms after Kafka had it"
        say(f"{position.topic} partition {position.partition} offset {position.offset}{applied}")


async def _send(event: Event, *, wait: bool) -> tuple[Position, float | None]:
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(connected())
        producer = await stack.enter_async_context(writing(services.endpoints.require("kafka")))
        if wait:
            with services.needs() as stub:  # the time to open a channel is not the platform's
                await stub.GetNeed(GetNeedRequest(user=UserRef(tenant=event.tenant, user_id=event.user_id)))
        position = await producer.send(topic_of(type(event)), key_of(event), event)
        return position, await applied(services, event, position) if wait else None


async def applied(services: Services, event: Event, position: Position) -> float:
    """Milliseconds from now until whoever keeps the event has applied it; raises Refused when it takes too long.

    That is needs, and content for the outcome of a text, whichever of their replicas does it.
    """
    began = time.perf_counter()
    user, mark = UserRef(tenant=event.tenant, user_id=event.user_id), watermark(position)
    with services.needs() as needs:
        need = await needs.GetNeed(GetNeedRequest(user=user, at_least=[mark]), timeout=_PATIENCE)
    stale = ["needs"] if need.served.stale else []
    if isinstance(event, ClickstreamEvent) and event.HasField("content"):
        with services.content() as content:
            told = await content.GetExperiment(
                GetExperimentRequest(tenant=event.tenant, at_least=[mark]), timeout=_PATIENCE
            )
        stale += ["content"] if told.served.stale else []
    if stale:
        raise Refused(
            f"sent, but {' and '.join(stale)} had not applied it after {_PATIENCE:g} s: look at `attune status`"
        )
    return (time.perf_counter() - began) * 1000


def watermark(position: Position) -> Watermark:
    return Watermark(topic=position.topic, partition=position.partition, offset=position.offset)


def _content(given: str) -> dict[str, Any]:
    """The reference to a composed text, and its product, of what `compose --json` printed."""
    source = sys.stdin.read() if given == "-" else given
    try:
        found = msgspec.json.decode(source)
        written = found.get("composition", found)
        names = ("composition_id", "experiment_id", "variant_id", "propensity")
        form: dict[str, Any] = {"content": {name: written[name] for name in names}}
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError) as error:
        raise BadInput(f"--content {source[:40]!r}: give what `attune compose --json` printed ({error})") from None
    return form | ({"product_id": written["product_id"]} if written.get("product_id") else {})
