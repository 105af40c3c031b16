"""Records of the clickstream → columns. What is ordinary is read at once, what is odd is read by the contract."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, TypeVar

import msgspec
import numpy as np

from attune.events.v1 import clickstream_pb2
from chassis.kafka import Decoded, Record, Rejected, SliceDecoder, proto_decoder
from needs import decoding, refusals
from needs.clicks import Click, Clicks
from needs.domain.identity import DEFAULT_TENANT, Person
from needs.domain.weights import Kind
from needs.instants import UNREADABLE, milliseconds, not_after

_SHOP = re.compile(r"[a-z0-9_-]{0,64}", re.ASCII)
_KINDS = {
    text: kind
    for kind in Kind
    if kind
    not in {Kind.ASKED, Kind.IDENTIFY}  # the one has no name in the contract, the other is rare and has its own way
    for text in (kind.name, kind.name.lower(), f"BEHAVIOR_KIND_{kind.name}")
}
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Short = Annotated[str, msgspec.Meta(max_length=128)]
T = TypeVar("T")


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
    dwell_ms: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] = 0
    anonymous_id: _Short = ""
    content: None = None
    dwell_in_camel_case: None = msgspec.field(default=None, name="dwellMs")  # the contract reads it


_Good = list[tuple[Record, _Plain]]
_Odd = list[Record]


def clicks() -> SliceDecoder[Click]:
    """All records of a slice of `attune.clickstream.v1`."""
    exact, plain = proto_decoder(clickstream_pb2.ClickstreamEvent), msgspec.json.Decoder(_Plain).decode

    def read(records: Sequence[Record]) -> tuple[Clicks, list[tuple[int, Rejected]]]:
        ordinary, odd = _ordinary(*_parsed(records, plain))
        if not odd:
            return ordinary, []
        good: list[Decoded[Click]] = []
        refused: list[tuple[int, Rejected]] = []
        for record in odd:
            try:
                good.append(Decoded(record.offset, record.key or "", _by_contract(record, exact)))
            except Rejected as why:
                refused.append((record.offset, why))
        return Clicks.of(sorted([*ordinary, *good], key=lambda item: item.offset)) if good else ordinary, refused

    return read


def _by_contract(record: Record, exact: Callable[[Record], clickstream_pb2.ClickstreamEvent]) -> Click:
    if record.value is None:
        raise refusals.no_value()
    event = exact(record)
    rating = event.rating if event.HasField("rating") else None
    person, at = Person.of(event.tenant, event.user_id), decoding.when(event.occurred_at, record)
    kind = Kind(event.kind)
    anonymous = event.anonymous_id if kind is Kind.IDENTIFY else ""
    click = Click(
        event.event_id,
        person,
        event.product_id,
        kind,
        at,
        rating,
        event.text,
        event.language,
        event.dwell_ms,
        anonymous,
    )
    return decoding.keyed(record, event.user_id, click)


def _parsed(records: Sequence[Record], plain: Callable[[bytes], _Plain]) -> tuple[_Good, _Odd]:
    """Those that are plain JSON of the usual form, and those that are not."""
    if not any(record.headers for record in records):
        try:
            return [(record, plain(record.value)) for record in records], []  # type: ignore[arg-type] # then it fails
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError):
            pass
    good: _Good = []
    odd: _Odd = []
    for record in records:
        try:
            if record.value is None or _is_protobuf(record.headers):
                odd.append(record)
            else:
                good.append((record, plain(record.value)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            odd.append(record)  # unusual or wrong: the contract tells which, in its words
    return good, odd


def _ordinary(given: _Good, odd: _Odd) -> tuple[Clicks, _Odd]:
    """Columns of what surely keeps the contract; what may not joins the odd ones."""
    rows = [plain for _, plain in given]
    kinds = [_KINDS.get(plain.kind) for plain in rows]
    times = milliseconds([plain.occurred_at for plain in rows])
    known_shops = {tenant for tenant in {plain.tenant for plain in rows} if _SHOP.fullmatch(tenant)}
    doubtful = {
        place
        for place, ((record, plain), kind) in enumerate(zip(given, kinds, strict=True))
        if kind is None
        or plain.tenant not in known_shops
        or record.key != plain.user_id
        or (kind is Kind.RATE and plain.rating is None)
        or (kind is Kind.REVIEW and not plain.text)
    }
    doubtful.update((times == UNREADABLE).nonzero()[0].tolist())
    if not "".join(map(_told, rows)).isprintable():
        doubtful.update(place for place, plain in enumerate(rows) if not _told(plain).isprintable())
    if doubtful:
        odd = [*odd, *(given[place][0] for place in doubtful)]
        keep = [place for place in range(len(rows)) if place not in doubtful]
        given, rows, kinds = _at(given, keep), _at(rows, keep), _at(kinds, keep)
        times = times[keep]
    written = np.array([record.timestamp_ms for record, _ in given], dtype=np.int64)
    return Clicks(
        [record.offset for record, _ in given],
        [plain.tenant or DEFAULT_TENANT for plain in rows],
        [plain.user_id for plain in rows],
        [plain.product_id for plain in rows],
        [kind for kind in kinds if kind is not None],
        not_after(times, written),
        [plain.rating for plain in rows],
        [plain.event_id for plain in rows],
        [plain.dwell_ms for plain in rows],
        {record.offset: (plain.text, plain.language) for record, plain in given if plain.text},
    ), odd


def _told(plain: _Plain) -> str:
    """Every text of it, to be looked through at once."""
    start = plain.event_id + plain.user_id + plain.product_id + plain.session_id
    return start + plain.language + plain.surface + plain.anonymous_id + plain.text


def _at(column: list[T], places: Sequence[int]) -> list[T]:
    return [column[place] for place in places]


def _is_protobuf(headers: Mapping[str, str]) -> bool:
    return bool(headers) and "protobuf" in (headers.get("content-type") or headers.get("ce_datacontenttype") or "")
