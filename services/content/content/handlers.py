"""Kafka event → use case.

Delivery is at least once and the effect exactly once: templates and counts change together with the offset after them,
so that what comes again is passed over, from whichever replica; who is forgotten already has nothing left to forget.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from attune.events.v1.clickstream_pb2 import BehaviorKind, ClickstreamEvent
from attune.events.v1.erasure_pb2 import ErasureRequest
from attune.events.v1.template_pb2 import Template as TemplateMessage
from chassis.kafka import Decoder, Record, Rejected, Rewound, Route, Slice, proto_decoder
from content.domain.composition import Outcome
from content.domain.customer import DEFAULT_TENANT, Person
from content.domain.gaps import BadTemplate, Template
from content.usecases.learn import GrantErasures, LearnOutcomes, LearnTemplates, readable
from content.usecases.ports import Happened, Span

TEMPLATES, CLICKS, ERASURES = (f"attune.{topic}.v1" for topic in ("templates", "clickstream", "erasures"))
TOPICS = (TEMPLATES, CLICKS, ERASURES)
_OUTCOMES = {
    BehaviorKind.BEHAVIOR_KIND_IMPRESSION: Outcome.IMPRESSION,
    BehaviorKind.BEHAVIOR_KIND_CLICK: Outcome.CLICK,
    BehaviorKind.BEHAVIOR_KIND_PURCHASE: Outcome.PURCHASE,
}
Refused = Sequence[tuple[int, Rejected]]


class Positions(Protocol):
    """Knows how far the log is in the stores."""

    async def applied(self, log: str, topic: str, partition: int) -> int | None: ...

    async def run(self) -> str:
        """Names the life of the engine: one that was started anew may have lost what it had acknowledged."""


def routes(
    templates: LearnTemplates, outcomes: LearnOutcomes, erasures: GrantErasures, positions: Positions
) -> list[Route[Any]]:
    """What each topic does."""

    async def span(part: Slice[Any]) -> Span:
        """The place of a slice; reading goes back where the stores came back without their last writes."""
        source, run = part.source, await positions.run()
        held = await positions.applied(source.log, source.topic, source.partition)
        if part.begins > (held or 0) and (held is not None or source.topic != CLICKS):
            raise Rewound(held or 0)  # of clicks without any position Kafka knows more than the stores
        return Span(source.log, source.topic, source.partition, part.next_offset, part.begins, run)

    async def on_templates(part: Slice[Template]) -> Refused:
        await templates(await span(part), [(item.offset, item.value or item.key) for item in part.items])
        return []

    async def on_clicks(part: Slice[ClickstreamEvent]) -> Refused:
        happened = [h for item in part.items if item.value is not None and (h := _happened(item.offset, item.value))]
        strange = await outcomes(await span(part), happened)
        return [(outcome.offset, _unknown_variant(outcome)) for outcome in strange]

    async def on_erasures(part: Slice[ErasureRequest]) -> Refused:
        wishes = [item.value for item in part.items if item.value is not None]
        people = [(Person.of(wish.tenant, wish.user_id), wish.requested_at.ToMilliseconds()) for wish in wishes]
        await erasures(await span(part), people)
        return []

    return [
        Route(TEMPLATES, decode_template, on_templates),
        Route(CLICKS, outcome_decoder(), on_clicks, owner=False),
        Route(ERASURES, decode_erasure, on_erasures, owner=False),
    ]


_template = proto_decoder(TemplateMessage)
_erasure = proto_decoder(ErasureRequest)


def decode_template(record: Record) -> Template:
    """A template that some product could fill."""
    message = _template(record)
    template = Template(
        message.tenant or DEFAULT_TENANT,
        message.template_id,
        message.channel,
        message.language,
        message.body,
        message.max_chars,
        message.appeal,
    )
    try:
        return readable(template)
    except BadTemplate as bad:
        raise Rejected("invalid-template", field=bad.field, value=bad.value, remedy=str(bad)) from None


def outcome_decoder() -> Decoder[ClickstreamEvent | None]:
    """Clickstream events with a content reference; the many others are not read to the end."""
    decode = proto_decoder(ClickstreamEvent)

    def decode_outcome(record: Record) -> ClickstreamEvent | None:
        if b"experiment" not in (record.value or b"") and _is_json(record):
            return None
        event = decode(record)
        if not event.HasField("content"):
            return None
        _not_after(event.occurred_at, record)
        return event

    return decode_outcome


def decode_erasure(record: Record) -> ErasureRequest:
    """A wish to be forgotten."""
    wish = _erasure(record)
    _not_after(wish.requested_at, record)
    return wish


def _not_after(time: Timestamp, record: Record) -> None:
    """Nothing happens after it was written: a clock of the shop that is ahead neither brings back someone who was
    forgotten nor keeps them away.
    """
    if 0 < record.timestamp_ms < time.ToMilliseconds():
        time.FromMilliseconds(record.timestamp_ms)


def _is_json(record: Record) -> bool:
    """In JSON the reference names its fields (`experiment_id`, `experimentId`); in Protobuf it has no name."""
    content_type = record.headers.get("content-type") or record.headers.get("ce_datacontenttype") or ""
    return "protobuf" not in content_type


def _happened(offset: int, event: ClickstreamEvent) -> Happened | None:
    outcome = _OUTCOMES.get(event.kind)
    if outcome is None:
        return None
    said = event.content
    return Happened(
        offset, event.event_id, Person.of(event.tenant, event.user_id), outcome, said.composition_id,
        said.experiment_id, said.variant_id, event.occurred_at.ToMilliseconds(),
    )  # fmt: skip


def _unknown_variant(outcome: Happened) -> Rejected:
    return Rejected(
        "unknown-variant",
        field="content.variant_id",
        value=f"{outcome.experiment_id}/{outcome.variant_id}",
        remedy="copy composition_id, experiment_id and variant_id from the reply of Compose",
    )
