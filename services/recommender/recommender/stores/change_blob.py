"""A change of the journal as bytes (MessagePack). It names nobody: only places, products and counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from recommender.domain.history import Meeting
from recommender.domain.product import Key, Position
from recommender.usecases.relations import Change, Shares, StoredProduct


class _Product(NamedTuple):
    tenant: str
    product_id: str
    place: int
    position: Position | None
    record: bytes | None
    vector: bytes


class _Body(msgspec.Struct, array_like=True):
    places: list[tuple[str, str, int]] = []
    products: list[_Product] = []
    met: dict[str, list[Meeting]] = {}
    trend: list[tuple[str, int, float]] = []


_ENCODER, _DECODER = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(_Body)


def dump_places(places: Mapping[Key, int]) -> bytes:
    """New places."""
    return _ENCODER.encode(_Body(places=[(*key, place) for key, place in places.items()]))


def dump(products: Sequence[StoredProduct], met: Mapping[str, Sequence[Meeting]], trend: Shares) -> bytes:
    """What a write changes in a world."""
    rows = [_Product(*row.key, row.place, row.position, row.record, row.vector) for row in products]
    counts = [(*place, count) for place, count in trend.items()]
    return _ENCODER.encode(_Body([], rows, {tenant: list(meetings) for tenant, meetings in met.items()}, counts))


def load(number: int, blob: bytes) -> Change:
    """The change of that number."""
    body = _DECODER.decode(blob)
    return Change(
        number,
        {Key(tenant, product_id): place for tenant, product_id, place in body.places},
        [StoredProduct(Key(p.tenant, p.product_id), p.place, p.position, p.record, p.vector) for p in body.products],
        body.met,
        {(tenant, place): count for tenant, place, count in body.trend},
    )
