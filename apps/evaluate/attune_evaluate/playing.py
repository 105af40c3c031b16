"""Products and histories → the event log of a running platform, never faster than it is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from google.protobuf.message import Message

from attune.events.v1.clickstream_pb2 import BehaviorKind, ClickstreamEvent
from attune.events.v1.product_pb2 import Product
from attune_cli import health
from attune_cli.contract import topic_of
from attune_cli.flow import Flow
from attune_cli.log import reading, writing
from attune_cli.services import Services
from attune_evaluate.dataset import Act
from attune_evaluate.recommending import Progress
from attune_evaluate.records import owned

TOLD_EVERY = 500


@asynccontextmanager
async def flowing(services: Services, sent: Sequence[type[Message]]) -> AsyncIterator[Flow]:
    """Raises Refused when a service that has to read what will be sent is not there."""
    kafka = services.endpoints.require("kafka")
    await health.readers_ready(services, [topic_of(message) for message in sent])
    async with AsyncExitStack() as stack:
        producer = await stack.enter_async_context(writing(kafka))
        yield Flow(producer, await stack.enter_async_context(reading(kafka)), services)


async def stock(flow: Flow, products: Sequence[Product], tenant: str, told: Progress) -> None:
    """Return when all services know them."""
    for number, product in enumerate(products):
        await flow.put(owned(product, tenant))
        now_and_then(told, "catalogue sent", number, len(products))
    await flow.settle()


async def play(flow: Flow, acts: Sequence[Act], tenant: str, told: Progress) -> None:
    """Return when all services have applied them."""
    for number, event in enumerate(_events(acts, tenant)):
        await flow.put(event)
        now_and_then(told, "events sent", number, len(acts))
    await flow.settle()


def now_and_then(told: Progress, what: str, done: int, of: int) -> None:
    """Tell how far it is, not every time."""
    if done % TOLD_EVERY == 0:
        told(what, done, of)


def _events(acts: Sequence[Act], tenant: str) -> Iterator[ClickstreamEvent]:
    for number, act in enumerate(acts):
        event = ClickstreamEvent(
            event_id=f"{tenant}-{number}",
            tenant=tenant,
            user_id=act.user,
            kind=BehaviorKind.Value(f"BEHAVIOR_KIND_{act.kind.upper()}"),
            product_id=act.product,
            rating=act.rating,
        )
        event.occurred_at.FromMilliseconds(act.at)
        yield event
