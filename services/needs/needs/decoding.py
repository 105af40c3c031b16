"""Records of the log → values. The contract is the authority; common JSON takes a way that costs a twentieth of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

import msgspec
import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from attune.events.v1 import clickstream_pb2, erasure_pb2, product_vectors_pb2, query_pb2, user_pb2
from chassis.kafka import Decoder, Record, Rejected, proto_decoder
from needs.domain.identity import DEFAULT_TENANT, Person
from needs.domain.products import Product, unit_words
from needs.domain.shop_record import ShopRecord
from needs.domain.weights import Kind, TextKind

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_SHOP = re.compile(r"[a-z0-9_-]{0,64}", re.ASCII)
_KINDS = {text: kind for kind in Kind for text in (kind.name, kind.name.lower(), f"BEHAVIOR_KIND_{kind.name}")}

T = TypeVar("T")
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Short = Annotated[str, msgspec.Meta(max_length=128)]


class Click(msgspec.Struct, frozen=True, gc=False):
    """One behaviour."""

    event_id: str
    person: Person
    product_id: str  # empty: it concerns a composed text alone
    kind: Kind
    at: int  # milliseconds since 1970
    rating: float | None
    text: str
    language: str


class Query(msgspec.Struct, frozen=True, gc=False):
    """Words of a search or a question."""

    event_id: str
    person: Person
    kind: TextKind
    at: int
    text: str
    language: str


class Erasure(msgspec.Struct, frozen=True, gc=False):
    """A wish to be forgotten."""

    person: Person
    at: int


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


def clicks() -> Decoder[Click]:
    """Of `attune.clickstream.v1`."""
    exact, plain = proto_decoder(clickstream_pb2.ClickstreamEvent), msgspec.json.Decoder(_Plain).decode

    def decode(record: Record) -> Click:
        click = None
        if record.value is not None and not _is_protobuf(record):
            try:
                click = _click_of_plain(plain(record.value))
            except (msgspec.DecodeError, ValueError):
                click = None  # unusual or wrong: the contract tells which, and in its words
        if click is None:
            click = _click(exact(record))
        return _keyed(record, click.person.user, click)

    return decode


def queries() -> Decoder[Query]:
    """Of `attune.queries.v1`."""
    return _decoder(query_pb2.QueryEvent, _query)


def users() -> Decoder[tuple[Person, ShopRecord]]:
    """Of `attune.users.v1`."""
    return _decoder(user_pb2.UserRecord, _user)


def erasures() -> Decoder[Erasure]:
    """Of `attune.erasures.v1`."""
    return _decoder(erasure_pb2.ErasureRequest, _erasure)


def products(space: str) -> Decoder[Product]:
    """Of `attune.product-vectors.v1`; a product without a vector of this space is refused."""
    exact = proto_decoder(product_vectors_pb2.ProductVectors)
    return lambda record: _product(exact(record), space)


def _decoder(message: type[Any], read: Callable[[Any], Any]) -> Decoder[Any]:
    exact = proto_decoder(message)

    def decode(record: Record) -> Any:
        event = exact(record)
        return _keyed(record, event.user_id, read(event))

    return decode


def _keyed(record: Record, user: str, value: T) -> T:
    """The partition is found by the key, and a person is remembered where the partition says."""
    if record.key != user:
        raise Rejected("wrong-key", field="key", value=record.key or "", remedy="send the user_id as the record's key")
    return value


def _is_protobuf(record: Record) -> bool:
    headers = record.headers
    return bool(headers) and "protobuf" in (headers.get("content-type") or headers.get("ce_datacontenttype") or "")


def _click_of_plain(plain: _Plain) -> Click | None:
    """None for anything that only the contract can judge."""
    kind = _KINDS.get(plain.kind)
    told = plain.event_id + plain.user_id + plain.product_id + plain.session_id + plain.language + plain.surface
    ordinary = (
        kind is not None
        and told.isprintable()
        and plain.text.isprintable()
        and _SHOP.fullmatch(plain.tenant)
        and _TIME.fullmatch(plain.occurred_at)
        and (kind is not Kind.RATE or plain.rating is not None)
        and (kind is not Kind.REVIEW or plain.text)
    )
    if not ordinary or kind is None:
        return None
    at = (datetime.fromisoformat(plain.occurred_at) - EPOCH) // _MILLISECOND
    person = Person(plain.tenant or DEFAULT_TENANT, plain.user_id)
    return Click(plain.event_id, person, plain.product_id, kind, at, plain.rating, plain.text, plain.language)


def _click(event: clickstream_pb2.ClickstreamEvent) -> Click:
    rating = event.rating if event.HasField("rating") else None
    person, at = Person.of(event.tenant, event.user_id), _milliseconds(event.occurred_at)
    return Click(event.event_id, person, event.product_id, Kind(event.kind), at, rating, event.text, event.language)


def _query(event: query_pb2.QueryEvent) -> Query:
    given = event.WhichOneof("input")
    if given != "text":
        media = getattr(event, str(given))
        remedy = f"send the words of the {given} as text: this installation has no encoder of {given}"
        raise Rejected("no-encoder", field=str(given), value=media.mime_type or "media", remedy=remedy)
    person, at = Person.of(event.tenant, event.user_id), _milliseconds(event.occurred_at)
    return Query(event.event_id, person, TextKind(event.kind), at, event.text, event.language)


def _user(record: user_pb2.UserRecord) -> tuple[Person, ShopRecord]:
    return Person.of(record.tenant, record.user_id), ShopRecord(
        language=record.language,
        region=record.region,
        tier=record.tier,
        consents=dict(record.consents),
        attributes=dict(record.attributes),
        updated_at=_milliseconds(record.updated_at) if record.HasField("updated_at") else 0,
    )


def _erasure(request: erasure_pb2.ErasureRequest) -> Erasure:
    return Erasure(Person.of(request.tenant, request.user_id), _milliseconds(request.requested_at))


def _product(product: product_vectors_pb2.ProductVectors, space: str) -> Product:
    return Product(
        tenant=product.tenant or DEFAULT_TENANT,
        product_id=product.product_id,
        vector=_vector(product, space),
        words=unit_words({word.word: word.weight for word in product.words}),
        category=product.category,
        brand=product.brand,
        currency=product.price.currency,
        amount=product.price.amount,
        attributes=dict(product.attributes),
    )


def _vector(product: product_vectors_pb2.ProductVectors, space: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The one of `space`; raises Rejected where there is none, or where its length is neither one nor zero."""
    index = next((i for i, vector in enumerate(product.vectors) if vector.space == space), None)
    if index is None:
        given = ", ".join(vector.space for vector in product.vectors)
        remedy = f"give a vector of the space {space}: needs and recommender must run with the same ATTUNE_ENCODER"
        raise Rejected("space", field="vectors", value=given, remedy=remedy)
    vector = np.frombuffer(product.vectors[index].data, "<f4").astype(np.float32)
    length = float(np.linalg.norm(vector))
    if not (length == 0 or abs(length - 1) < 0.01):  # noqa: PLR2004 - also false for what is not a number
        raise Rejected(
            "length", field=f"vectors[{index}].data", value=f"length {length:g}", remedy="send a unit vector"
        )
    return vector


def _milliseconds(time: Timestamp) -> int:
    return int(time.ToMilliseconds())
