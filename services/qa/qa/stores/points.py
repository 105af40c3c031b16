"""What is to be written → points, the same on every engine."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from qa.stores.codec import (
    TEXTS,
    Payload,
    entry_payload,
    entry_point,
    gone_payload,
    guard_payload,
    guard_point,
    product_payload,
    product_point,
)
from qa.usecases.ports import Changes, Gone, Span

FIELDS = {"entry": "entry_id", "product": "product_id"}  # kind → field of its id
KEYWORDS = ("kind", *FIELDS.values())  # looked for, so they have an index
MARKED = 86_400.0  # seconds that a mark of something gone stays: longer than any writer is held up


class Stored(NamedTuple):
    """A point."""

    point: str
    vector: dict[str, Any]  # empty: none
    payload: Payload


def gone_of(changes: Changes) -> dict[str, Sequence[Gone]]:
    """Field of the id → what is gone."""
    wanted = {FIELDS["entry"]: changes.gone, FIELDS["product"]: changes.gone_products}
    return {field: gone for field, gone in wanted.items() if gone}


def marks(field: str, gone: Sequence[Gone], held: Mapping[str, Sequence[str]], now: float) -> Iterator[Stored]:
    """Marks in place of what is gone. `held`: id → points that hold it, in any shop."""
    point_of = entry_point if field == FIELDS["entry"] else product_point
    for each in gone:
        points = {*held.get(each.said_id, ()), *(point_of(tenant, each.said_id) for tenant in each.tenants)}
        for point in sorted(points):
            yield Stored(point, {}, gone_payload(field, each, now))


def points(changes: Changes, space: str) -> Iterator[Stored]:
    """Entries and products."""
    for entry, vectors in changes.entries:
        vector = {TEXTS: vectors.tolist()}
        yield Stored(entry_point(entry.tenant, entry.entry_id), vector, entry_payload(entry, space))
    for product in changes.products:
        yield Stored(product_point(product.tenant, product.product_id), {}, product_payload(product))


def guard(span: Span) -> Stored:
    """The offset after a span."""
    return Stored(guard_point(span.topic, span.partition), {}, guard_payload(span))


def batches(stored: Iterable[Stored], size: int) -> Iterator[list[Stored]]:
    """Pieces of at most `size`."""
    left = iter(stored)
    while some := list(itertools.islice(left, size)):
        yield some


class SpaceMismatch(ValueError):
    """The index holds vectors of another size."""

    field = "ATTUNE_ENCODER"

    def __init__(self, held: int, wanted: int, where: str) -> None:
        self.value = f"{wanted} dimensions"
        self.remedy = f"use the encoder it was made with, or another place: {where} is made anew from the log"
        super().__init__(f"{where} holds vectors of {held} dimensions, the encoder makes {wanted}; {self.remedy}")
