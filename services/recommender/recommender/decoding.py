"""Records of the clickstream → what a history needs of them. The contract is the authority; common JSON, which most
producers send, takes a way that costs a tenth of it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Annotated, NamedTuple

import msgspec

from attune.events.v1 import clickstream_pb2 as clicks
from attune.events.v1.erasure_pb2 import ErasureRequest
from chassis.kafka import Decoder, Record, Rejected, proto_decoder
from recommender.domain.product import DEFAULT_TENANT
from recommender.usecases.relations import Person

_EPOCH, _MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_SHOP = re.compile(r"[a-z0-9_-]{0,64}", re.ASCII)
_KINDS = {
    form: number
    for name, number in clicks.BehaviorKind.items()
    if number
    for form in (name, name.removeprefix("BEHAVIOR_KIND_"), name.removeprefix("BEHAVIOR_KIND_").lower())
}

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Short = Annotated[str, msgspec.Meta(max_length=128)]


class Click(NamedTuple):
    """One behaviour."""

    person: Person
    product_id: str  # empty: it concerns a composed text alone
    kind: int  # of the contract
    at: int  # milliseconds since 1970
    rating: float | None
    event: int  # 64-bit name of the event's id


class _Plain(msgspec.Struct, gc=False):
    """A click as most producers write it: every name as in the contract, and no reference to a composed text."""

    event_id: _Id
    user_id: _Id
    occurred_at: str
    kind: str
    product_id: _Id
    tenant: str = ""
    session_id: _Short = ""
    rating: Annotated[float, msgspec.Meta(ge=1, le=5)] | None = None
    text: Annotated[str, msgspec.Meta(max_length=8_000)] = ""
    language: _Short = ""
    quantity: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    surface: _Short = ""
    content: None = None


def click_decoder() -> Decoder[Click]:
    """Of `attune.clickstream.v1`."""
    exact, plain = proto_decoder(clicks.ClickstreamEvent), msgspec.json.Decoder(_Plain).decode

    def decode(record: Record) -> Click:
        click = None
        if record.value is not None and not _is_protobuf(record):
            try:
                click = _of_plain(plain(record.value))
            except (msgspec.DecodeError, ValueError):
                click = None  # unusual or wrong: the contract tells which, and in its words
        if click is None:
            click = _of_message(exact(record))
        if record.key != click.person.user:
            remedy = "send the user_id as the record's key"
            raise Rejected("wrong-key", field="key", value=record.key or "", remedy=remedy)
        return click._replace(at=_not_after(click.at, record))

    return decode


def erasure_decoder() -> Decoder[ErasureRequest]:
    """Of `attune.erasures.v1`."""
    exact = proto_decoder(ErasureRequest)

    def decode(record: Record) -> ErasureRequest:
        wish = exact(record)
        wish.requested_at.FromMilliseconds(_not_after(wish.requested_at.ToMilliseconds(), record))
        return wish

    return decode


def _not_after(at: int, record: Record) -> int:
    """Nothing happens after it was written: a clock of the shop that is ahead neither makes a product popular for years
    to come, nor brings back someone who was forgotten, nor keeps them away.
    """
    return min(at, record.timestamp_ms) if record.timestamp_ms > 0 else at


def _is_protobuf(record: Record) -> bool:
    headers = record.headers
    return "protobuf" in (headers.get("content-type") or headers.get("ce_datacontenttype") or "")


def _of_plain(plain: _Plain) -> Click | None:
    """None for anything that only the contract can judge."""
    kind = _KINDS.get(plain.kind)
    told = plain.event_id + plain.user_id + plain.product_id + plain.session_id + plain.language + plain.surface
    ordinary = (
        told.isprintable()
        and plain.text.isprintable()
        and _SHOP.fullmatch(plain.tenant)
        and _TIME.fullmatch(plain.occurred_at)
        and (kind != clicks.BEHAVIOR_KIND_RATE or plain.rating is not None)
        and (kind != clicks.BEHAVIOR_KIND_REVIEW or plain.text)
    )
    if kind is None or not ordinary:
        return None
    at = (datetime.fromisoformat(plain.occurred_at) - _EPOCH) // _MILLISECOND
    person = Person(plain.tenant or DEFAULT_TENANT, plain.user_id)
    return Click(person, plain.product_id, kind, at, plain.rating, _name(plain.event_id))


def _of_message(event: clicks.ClickstreamEvent) -> Click:
    at = event.occurred_at.seconds * 1000 + event.occurred_at.nanos // 1_000_000
    person = Person(event.tenant or DEFAULT_TENANT, event.user_id)
    rating = event.rating if event.HasField("rating") else None
    return Click(person, event.product_id, event.kind, at, rating, _name(event.event_id))


def _name(event_id: str) -> int:
    return int.from_bytes(blake2b(event_id.encode(), digest_size=8).digest(), "little")
