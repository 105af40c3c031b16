"""Knowledge as Qdrant payloads, conversations as bytes, and back."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import msgspec
import numpy as np

from lm.protocols import Matrix
from qa.domain.dialogue import Turn
from qa.domain.knowledge import Entry, LogPosition
from qa.domain.products import Product
from qa.usecases.ports import Gone, Held, Span

Payload = dict[str, Any]
TEXTS = "texts"  # name of the multivector: one row per phrasing, then the answer
_ENTRY = {field.name for field in fields(Entry)} - {"position"}
_NAMES = uuid.UUID("0b0e6f4e-8f0c-5c52-9a52-6d0f7a6f3b11")  # of this collection; ids must not change between releases


def entry_point(tenant: str, entry_id: str) -> str:
    """The point of an entry."""
    return _point("entry", tenant, entry_id)


def product_point(tenant: str, product_id: str) -> str:
    """The point of a product."""
    return _point("product", tenant, product_id)


def guard_point(topic: str, partition: int) -> str:
    """The point that holds the offset of a partition."""
    return _point("guard", topic, str(partition))


def entry_payload(entry: Entry, space: str) -> Payload:
    """An entry as JSON values; an open end of its validity is left out."""
    payload = {
        "kind": "entry", "space": space, "tenant": entry.tenant, "entry_id": entry.entry_id, "family": entry.family,
        "language": entry.language, "question": entry.question, "answer": entry.answer,
        "variants": list(entry.variants), "topic": entry.topic, "source": entry.source,
        "valid_from": entry.valid_from, "valid_until": entry.valid_until, "product_ids": list(entry.product_ids),
        **_at(entry.position),
    }  # fmt: skip
    return {name: value for name, value in payload.items() if not (isinstance(value, float) and math.isinf(value))}


def entry_of(payload: Payload) -> Entry:
    """The entry of a payload."""
    given = {name: value for name, value in payload.items() if name in _ENTRY}
    for name in ("variants", "product_ids"):
        given[name] = tuple(given[name])
    return Entry(**given | {"position": position_of(payload)})


def product_payload(product: Product) -> Payload:
    """A product as JSON values."""
    return {
        "kind": "product", "tenant": product.tenant, "product_id": product.product_id, "titles": dict(product.titles),
        "facts": {name: dict(values) for name, values in product.facts.items()}, **_at(product.position),
    }  # fmt: skip


def product_of(payload: Payload) -> Product:
    """The product of a payload."""
    return Product(payload["tenant"], payload["product_id"], payload["titles"], payload["facts"], position_of(payload))


def gone_payload(field: str, gone: Gone, now: float) -> Payload:
    """What stands where something was, so that a writer that was held up does not bring it back."""
    return {"kind": "gone", field: gone.said_id, "removed_at": now, **_at(gone.position)}


def guard_payload(span: Span) -> Payload:
    """The offset of a partition as JSON values."""
    at = LogPosition(span.log, span.partition, span.next_offset)
    return {"kind": "guard", "topic": span.topic, **_at(at)}


def position_of(payload: Payload) -> LogPosition:
    """Where in the log it was said."""
    return LogPosition(payload.get("log", ""), payload.get("partition", 0), payload.get("offset", -1))


def same_or_later(held: Payload, new: Payload) -> bool:
    """Whether what is held must not give way: of the same life of the log, said there or later, in the same space.

    A mark of something gone has no space and stands in the way of every one.
    """
    there, here = position_of(held), position_of(new)
    same_space = "space" not in new or held.get("space", new["space"]) == new["space"]
    return same_space and there.log == here.log and there.offset >= here.offset


class Reader:
    """Points → what is remembered."""

    def __init__(self, dim: int, space: str) -> None:
        self._dim, self._space = dim, space
        self._entries: list[tuple[Entry, Matrix | None]] = []
        self._products: list[Product] = []

    def take(self, payload: Payload, vectors: Any) -> None:
        """Read one point; one of a kind that is neither is passed over."""
        if payload.get("kind") == "entry":
            entry = entry_of(payload)
            self._entries.append((entry, self._rows(entry, payload["space"], vectors)))
        elif payload.get("kind") == "product":
            self._products.append(product_of(payload))

    def held(self, guards: Iterable[Payload]) -> Held:
        """All that was taken, and the offsets that were read before it."""
        applied = {(each["topic"], each["partition"]): (each["log"], each["offset"]) for each in guards}
        return Held(self._entries, self._products, applied)

    def _rows(self, entry: Entry, space: str, vectors: Any) -> Matrix | None:
        if space != self._space or not isinstance(vectors, dict) or TEXTS not in vectors:
            return None
        rows: Matrix = np.array(vectors[TEXTS], dtype=np.float32)
        return rows if rows.shape == (len(entry.texts), self._dim) else None


def encode_turn(turn: Turn) -> bytes:
    """A turn without its number, which the store gives."""
    return msgspec.msgpack.encode(turn)


def decode_turn(blob: bytes) -> Turn:
    """A turn as it was encoded."""
    return msgspec.msgpack.decode(blob, type=Turn)


def encode_told(user: str, dialogue_id: str, turn: Turn) -> bytes:
    """An answer that is owed: to whom, in which conversation, in which words. Keys do not tell whose they are."""
    return msgspec.msgpack.encode((user, dialogue_id, turn))


def decode_told(blob: bytes) -> tuple[str, str, Turn]:
    """Person, conversation and turn as they were encoded."""
    return msgspec.msgpack.decode(blob, type=tuple[str, str, Turn])


def _at(position: LogPosition) -> Payload:
    return {"log": position.log, "partition": position.partition, "offset": position.offset}


def _point(*parts: str) -> str:
    return str(uuid.uuid5(_NAMES, "\x1f".join(parts)))
