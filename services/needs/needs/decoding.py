"""Records of the log → values, as the contract says; clicks, which come by the thousand, have `reading`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from attune.events.v1 import erasure_pb2, product_vectors_pb2, query_pb2, user_pb2
from chassis.kafka import Decoder, Record, Rejected, proto_decoder
from needs.domain.identity import DEFAULT_TENANT, Person
from needs.domain.products import Product, unit_words
from needs.domain.shop_record import ShopRecord
from needs.domain.weights import TextKind
from needs.instants import not_after

T = TypeVar("T")


class Query(msgspec.Struct, frozen=True, gc=False):
    """Words of a search or a question."""

    event_id: str
    person: Person
    kind: TextKind
    at: int
    text: str
    language: str
    product_id: str = ""  # a question is about; empty: none


class Erasure(msgspec.Struct, frozen=True, gc=False):
    """A wish to be forgotten."""

    person: Person
    at: int


def queries() -> Decoder[Query]:
    """Of `attune.queries.v1`."""
    return _decoder(query_pb2.QueryEvent, _query, "occurred_at")


def users() -> Decoder[tuple[Person, ShopRecord]]:
    """Of `attune.users.v1`."""
    return _decoder(user_pb2.UserRecord, _user, "updated_at")


def erasures() -> Decoder[Erasure]:
    """Of `attune.erasures.v1`."""
    return _decoder(erasure_pb2.ErasureRequest, _erasure, "requested_at")


def products(space: str) -> Decoder[Product]:
    """Of `attune.product-vectors.v1`; a product without a vector of this space is refused."""
    exact = proto_decoder(product_vectors_pb2.ProductVectors)
    return lambda record: _product(exact(record), space)


def _decoder(message: type[Any], read: Callable[[Any], Any], time: str) -> Decoder[Any]:
    exact = proto_decoder(message)

    def decode(record: Record) -> Any:
        event = exact(record)
        if event.HasField(time):
            said = getattr(event, time)
            said.FromMilliseconds(when(said, record))
        return keyed(record, event.user_id, read(event))

    return decode


def keyed(record: Record, user: str, value: T) -> T:
    """The value itself: the partition is found by the key, and a person is remembered where the partition says."""
    if record.key != user:
        raise Rejected("wrong-key", field="key", value=record.key or "", remedy="send the user_id as the record's key")
    return value


def when(said: Timestamp, record: Record) -> int:
    """Milliseconds since 1970."""
    return int(not_after(np.array(_milliseconds(said)), np.array(record.timestamp_ms)))


def _query(event: query_pb2.QueryEvent) -> Query:
    given = event.WhichOneof("input")
    if given != "text":
        media = getattr(event, str(given))
        remedy = f"send the words of the {given} as text: this installation has no encoder of {given}"
        raise Rejected("no-encoder", field=str(given), value=media.mime_type or "media", remedy=remedy)
    person, at = Person.of(event.tenant, event.user_id), _milliseconds(event.occurred_at)
    kind = TextKind(event.kind)
    about = event.product_id if kind is TextKind.QUESTION else ""  # a search leaves the page it was made on
    return Query(event.event_id, person, kind, at, event.text, event.language, about)


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
