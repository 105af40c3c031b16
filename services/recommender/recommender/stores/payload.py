"""What stands beside a vector in Qdrant, the same on every engine."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from recommender.domain.product import Key, above
from recommender.domain.shop import Entry

_NAMESPACE = uuid.UUID("6f1d0a52-9c1e-5c0a-8a57-5b2f1c9d7e34")  # of product points; changing it would lose them all
NAME = "products"
DENSE, WORDS = "dense", "words"  # names of the vectors


def point_id(key: Key) -> uuid.UUID:
    """The same for the same product always, so that a repeated write changes nothing."""
    return uuid.uuid5(_NAMESPACE, "/".join(key))


def payload(entry: Entry) -> dict[str, object]:
    """Whatever is filtered by. Booleans are integers: MatchValue(True) finds no bool payload, silently."""
    product = entry.product
    stated: dict[str, object] = {
        "tenant": product.key.tenant,
        "product_id": product.key.product_id,
        "position": str(entry.position),
        "in_stock": int(product.in_stock),
        "brand": product.brand,
        "categories": list(above(product.category)),
    }
    if product.amount is not None:
        stated |= {"currency": product.currency, "amount": float(product.amount)}
    return stated


def key_of(stated: Mapping[str, object]) -> Key:
    """The product a payload is of."""
    return Key(str(stated["tenant"]), str(stated["product_id"]))


def collection(space: str) -> str:
    """One collection per space, so that two encoders never meet: `products-static-en-zh-1`."""
    return f"{NAME}-" + "".join(letter if letter.isalnum() else "-" for letter in space.lower())
