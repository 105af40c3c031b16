"""What was found, counted by what products are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from recommender.domain.product import in_language
from recommender.domain.shop import Shop

_VALUES = 20  # of one facet that are told
_ATTRIBUTES = 12  # facets of attributes: those that most of what was found has
_BANDS = 5  # of prices, with about as many products each


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a facet."""

    value: str  # as a filter takes it; of a price `low-high CURRENCY`
    label: str  # as a person reads it
    count: int


class Facet(NamedTuple):
    """How many of what was found have each value of one property."""

    name: str
    values: Sequence[Value]  # most frequent first; of a price cheapest first


def facets(shop: Shop, places: Sequence[int], language: str) -> list[Facet]:
    """Category, brand, price and attributes of some places; those that nobody has are left out."""
    products = [shop.at(place) for place in places]
    kinds = {product.category: product.kind(language) for product in products if product.category}
    found = [
        _counted("category", (p.category for p in products), kinds),
        _counted("brand", (p.brand for p in products), {}),
        Facet("price", _bands(shop, np.asarray(places, dtype=np.int64))),
    ]
    stated: dict[str, list[str]] = {}
    for product in products:
        for name, values in product.attributes:
            if values:
                stated.setdefault(name, []).append(in_language(values, language))
    common = sorted(stated.items(), key=lambda item: -len(item[1]))[:_ATTRIBUTES]
    found += [_counted(name, values, {}) for name, values in common]
    return [facet for facet in found if facet.values]


def _counted(name: str, values: Iterable[str], labels: dict[str, str]) -> Facet:
    counts = Counter(value for value in values if value)
    best = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_VALUES]
    return Facet(name, [Value(value, labels.get(value) or value, count) for value, count in best])


def _bands(shop: Shop, places: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[Value]:
    """Ranges of about as many products each, of the currency that most have; none overlaps another."""
    columns, names = shop.facts.columns, shop.facts.currencies.texts
    priced = places[columns.currency[places] > 0]
    if not len(priced):
        return []
    number = int(np.argmax(np.bincount(columns.currency[priced])))
    amounts = np.sort(columns.amount[priced[columns.currency[priced] == number]])
    edges = np.unique(np.quantile(amounts, np.linspace(0, 1, _BANDS + 1), method="nearest"))
    if len(edges) == 1:
        edges = np.repeat(edges, 2)
    starts = np.searchsorted(amounts, edges[:-1])
    ends = [*starts[1:].tolist(), len(amounts)]
    bands = [amounts[start:end] for start, end in zip(starts.tolist(), ends, strict=True)]
    told = [(f"{_amount(band[0])}-{_amount(band[-1])} {names[number]}", len(band)) for band in bands]
    return [Value(text, text, count) for text, count in told]


def _amount(value: float) -> str:
    """Not rounded, or a filter by it would leave out the product that it is of: two digits, four where there are."""
    return f"{value:.2f}" if round(value, 2) == value else f"{value:.4f}"
