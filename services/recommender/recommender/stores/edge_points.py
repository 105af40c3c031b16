"""Products as the points of an index."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.domain.columns import stamps
from recommender.domain.product import above
from recommender.domain.shop import Entry, Shop
from recommender.stores.edge_process import EdgeProcess

_AT_ONCE = 100  # points that are read out of the shop between two requests: 1 ms


async def tell(process: EdgeProcess, missed: Mapping[int, Entry | None]) -> None:
    """Have the process hold what came of some places; None: nothing stands there any more."""
    entries = {place: entry for place, entry in missed.items() if entry is not None}
    if entries:
        await process.put(list(entries), *points(entries))
    gone = [place for place, entry in missed.items() if entry is None]
    if gone:
        await process.drop(gone)


async def tell_all_of(process: EdgeProcess, look: Callable[[], Shop], places: NDArray[np.int64], pause: float) -> None:
    """Have the process hold what stands at any number of places of a shop, with pauses, and nothing where none does."""
    for start in range(0, len(places), _AT_ONCE):
        some, shop = places[start : start + _AT_ONCE], look()
        there = shop.facts.columns.there[some]
        await _tell_of(process, shop, some[there])
        if not there.all():
            await process.drop(some[~there].tolist())
        await asyncio.sleep(pause)


async def _tell_of(process: EdgeProcess, shop: Shop, places: NDArray[np.int64]) -> None:
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
    for entry, stamped in zip(entries.values(), stamps([e.position for e in entries.values()]), strict=True):
        product = entry.product
        amount = float("nan") if product.amount is None else float(product.amount)
        price = (product.currency, amount)
        payloads.append(_payload(product.brand, product.category, price, in_stock=product.in_stock, stamped=stamped))
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
