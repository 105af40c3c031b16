"""Knowledge as Qdrant payloads, conversations as bytes, and back."""

from __future__ import annotations

import math
import uuid
from typing import Any

import msgspec

from qa.domain.dialogue import Turn
from qa.domain.knowledge import Entry, LogPosition
from qa.domain.products import Product

_NAMES = uuid.UUID("0b0e6f4e-8f0c-5c52-9a52-6d0f7a6f3b11")  # of this collection; ids must not change between releases


def entry_point(entry: Entry) -> str:
    """The point of an entry."""
    return _point("entry", entry.tenant, entry.entry_id)


def product_point(product: Product) -> str:
    """The point of a product."""
    return _point("product", product.tenant, product.product_id)


def guard_point(topic: str, partition: int) -> str:
    """The point that holds the offset of a partition."""
    return _point("guard", topic, str(partition))


def entry_payload(entry: Entry, space: str) -> dict[str, Any]:
    """An entry as JSON values; an open end of its validity is left out."""
    payload = {
        "kind": "entry", "space": space, "tenant": entry.tenant, "entry_id": entry.entry_id, "family": entry.family,
        "language": entry.language, "question": entry.question, "answer": entry.answer,
        "variants": list(entry.variants), "topic": entry.topic, "source": entry.source,
        "valid_from": entry.valid_from, "valid_until": entry.valid_until, "product_ids": list(entry.product_ids),
        "position": list(entry.position),
    }  # fmt: skip
    return {name: value for name, value in payload.items() if not (isinstance(value, float) and math.isinf(value))}


def entry_of(payload: dict[str, Any]) -> Entry:
    """The entry of a payload."""
    given = {name: value for name, value in payload.items() if name not in {"kind", "space"}}
    for name in ("variants", "product_ids"):
        given[name] = tuple(given[name])
    return Entry(**given | {"position": LogPosition(*given["position"])})


def product_payload(product: Product) -> dict[str, Any]:
    """A product as JSON values."""
    return {
        "kind": "product", "tenant": product.tenant, "product_id": product.product_id, "titles": dict(product.titles),
        "facts": {name: dict(values) for name, values in product.facts.items()}, "position": list(product.position),
    }  # fmt: skip


def product_of(payload: dict[str, Any]) -> Product:
    """The product of a payload."""
    return Product(
        payload["tenant"], payload["product_id"], payload["titles"], payload["facts"], LogPosition(*payload["position"])
    )


def encode_turn(turn: Turn) -> bytes:
    """A turn without its number, which the store gives."""
    return msgspec.msgpack.encode(turn)


def decode_turn(blob: bytes) -> Turn:
    """A turn as it was encoded."""
    return msgspec.msgpack.decode(blob, type=Turn)


def _point(*parts: str) -> str:
    return str(uuid.uuid5(_NAMES, "\x1f".join(parts)))
