"""Products as the points of an index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.domain.columns import stamp
from recommender.domain.product import above
from recommender.domain.shop import Entry, Shop
from recommender.stores.edge_process import EdgeProcess


async def tell(process: EdgeProcess, missed: Mapping[int, Entry | None]) -> None:
    """Have the process hold what came of some places; None: nothing stands there any more."""
    entries = {place: entry for place, entry in missed.items() if entry is not None}
    if entries:
        await process.put(list(entries), *points(entries))
    gone = [place for place, entry in missed.items() if entry is None]
    if gone:
        await process.drop(gone)


async def tell_of(process: EdgeProcess, shop: Shop, places: NDArray[np.int64]) -> None:
    """Have the process hold what stands at some places of a shop."""
    facts, c = shop.facts, shop.facts.columns
    payloads = [
        _payload(
            facts.brands.texts[c.brand[place]],
            facts.categories.texts[c.category[place]],
            (facts.currencies.texts[c.currency[place]], float(c.amount[place])),
            in_stock=bool(c.in_stock[place]),
            stamped=stamped,
        )
        for place, stamped in zip(places.tolist(), facts.stamps(places).tolist(), strict=True)
    ]
    if payloads:
        await process.put(places.tolist(), shop.vectors.take(places), payloads)


def points(entries: Mapping[int, Entry]) -> tuple[NDArray[np.float32], list[dict[str, Any]]]:
    """Vectors and payloads, in the order of the entries."""
    payloads = []
    for entry in entries.values():
        product = entry.product
        amount = float("nan") if product.amount is None else float(product.amount)
        price = (product.currency, amount)
        payloads.append(
            _payload(product.brand, product.category, price, in_stock=product.in_stock, stamped=stamp(entry.position))
        )
    return np.stack([entry.vector for entry in entries.values()]), payloads


def _payload(brand: str, category: str, price: tuple[str, float], *, in_stock: bool, stamped: int) -> dict[str, object]:
    """Whatever the engine filters by. Booleans are integers: MatchValue(True) finds no bool payload, silently."""
    stated: dict[str, object] = {
        "stamp": stamped,
        "in_stock": int(in_stock),
        "brand": brand,
        "categories": list(above(category)),
    }
    currency, amount = price
    return stated if np.isnan(amount) else stated | {"currency": currency, "amount": amount}
