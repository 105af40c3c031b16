"""Kafka messages → values of the domain."""

from __future__ import annotations

import math
from typing import NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp

from attune.events.v1.erasure_pb2 import ErasureRequest
from attune.events.v1.knowledge_pb2 import KnowledgeEntry
from attune.events.v1.product_pb2 import Product as ProductRecord
from attune.events.v1.query_pb2 import QUERY_KIND_QUESTION, QueryEvent
from chassis.kafka import Record, Rejected, proto_decoder
from qa.domain.identity import DEFAULT_TENANT
from qa.domain.knowledge import Entry, LogPosition
from qa.domain.products import Product
from qa.usecases.ports import Question

ANSWERED = "attune-answered"  # a header; a question that has it was answered where it was asked

_query, _erasure = proto_decoder(QueryEvent), proto_decoder(ErasureRequest)


class Given(NamedTuple):
    """Words that a customer gave."""

    event: QueryEvent
    answered: bool  # where they were given


def decode_query(record: Record) -> Given:
    """Words that a customer gave."""
    event = _query(record)
    _not_after(event.occurred_at, record)
    return Given(event, ANSWERED in record.headers)


def decode_erasure(record: Record) -> ErasureRequest:
    """A wish to be forgotten."""
    wish = _erasure(record)
    _not_after(wish.requested_at, record)
    return wish


def seconds(at: Timestamp) -> float:
    """Seconds since 1970."""
    return float(at.seconds + at.nanos / 1e9)


def entry(message: KnowledgeEntry, position: LogPosition) -> Entry:
    """A knowledge entry; raises Rejected for a validity that holds at no time."""
    since = seconds(message.valid_from) if message.HasField("valid_from") else -math.inf
    until = seconds(message.valid_until) if message.HasField("valid_until") else math.inf
    if until <= since:
        given = message.valid_until.ToJsonString()
        raise Rejected("invalid-field", field="valid_until", value=given, remedy="send a time after valid_from")
    return Entry(
        tenant=message.tenant or DEFAULT_TENANT,
        entry_id=message.entry_id,
        family=message.family or message.entry_id,
        language=message.language,
        question=message.question,
        answer=message.answer,
        variants=tuple(message.variants),
        topic=message.topic,
        source=message.source,
        valid_from=since,
        valid_until=until,
        product_ids=tuple(message.product_ids),
        position=position,
    )


def product(message: ProductRecord, position: LogPosition) -> Product:
    """Of a product what questions are about: names, attributes, price."""
    facts = {each.name: dict(each.value) for each in message.attributes}
    if message.HasField("price"):
        facts["price"] = {"und": f"{message.price.amount} {message.price.currency}"}
    titles = dict(message.title)
    return Product(message.tenant or DEFAULT_TENANT, message.product_id, titles, facts, position)


def question(given: Given) -> Question | None:
    """A question; None for a search, and for what was answered by call and is there for others to hear of.

    Raises Rejected for speech and pictures, which no encoder here reads.
    """
    message = given.event
    if message.kind != QUERY_KIND_QUESTION or given.answered:
        return None
    form = message.WhichOneof("input") or "text"
    if form != "text":
        remedy = "send the question as text: no encoder that reads it is configured"
        raise Rejected("unreadable-media", field=form, value=getattr(message, form).mime_type, remedy=remedy)
    return Question(
        tenant=message.tenant or DEFAULT_TENANT,
        text=message.text,
        at=seconds(message.occurred_at),
        user=message.user_id,
        # Named after the event, so that a repeat finds the conversation it has begun.
        dialogue_id=message.dialogue_id or message.event_id,
        language=message.language if message.language != "und" else "",
        event_id=message.event_id,
        product_id=message.product_id,
    )


def _not_after(time: Timestamp, record: Record) -> None:
    """Nothing happens after it was written: a clock of the shop that is ahead neither brings back someone who was
    forgotten nor keeps them away.
    """
    if 0 < record.timestamp_ms < time.ToMilliseconds():
        time.FromMilliseconds(record.timestamp_ms)
