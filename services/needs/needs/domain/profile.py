"""What a person cares about, in words and counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from needs.domain.need import Spectrum
from needs.domain.products import Product, ProductTable
from needs.domain.shop_record import ShopRecord
from needs.domain.state import Rows
from needs.domain.weights import Kind, Recency
from needs.domain.words import Words

MOST_FACETS = 16  # of each sort


@dataclass(frozen=True, slots=True)
class Facet:
    """One thing a profile counts."""

    name: str
    share: float  # of the positive behaviours, in [0, 1]
    weight: float  # sum of weight × recency by time


@dataclass(frozen=True, slots=True)
class PriceBand:
    """The quartiles of the prices of what was liked, in the currency most of it has."""

    currency: str
    low: Decimal
    median: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Profile:
    """Categories and brands since the beginning; attributes and prices of the ring."""

    known: bool
    categories: Sequence[Facet]
    brands: Sequence[Facet]
    attributes: Sequence[Facet]
    prices: PriceBand | None
    language: str  # the shop's record first, else the language of the words given
    record: ShopRecord
    kinds: Mapping[str, int]  # short form → count since the beginning


Counted = tuple[str, float, int]  # name, weight, how many behaviours


def language_of(words: Words, record: ShopRecord | None) -> str:
    """BCP 47: what the shop's record says first, else the language of the words given; empty when nothing tells it."""
    return (record.language if record is not None else "") or words.language


def profile(
    row: Rows, words: Words, record: ShopRecord | None, seen: Spectrum, products: ProductTable, recency: Recency
) -> Profile:
    """The profile of one row, (), whose R_u is `seen`."""
    liked = _liked(seen, recency)
    total = int(row["positive"]) + len(liked)
    faded = float(recency.by_time(np.array(seen.now - int(row["tail_at"]))))
    kept = record or ShopRecord()
    old_categories = _of_tail(row, "categories", "category", products, faded)
    old_brands = _of_tail(row, "brands", "brand", products, faded)
    return Profile(
        known=record is not None or words.asked > 0 or bool(row["counts"].any()),
        categories=_facets([*old_categories, *((p.category, weight, 1) for p, weight in liked)], total),
        brands=_facets([*old_brands, *((p.brand, weight, 1) for p, weight in liked)], total),
        attributes=_facets([(f"{k}={v}", w, 1) for p, w in liked for k, v in p.attributes.items()], len(liked)),
        prices=_prices(product for product, _ in liked),
        language=language_of(words, kept),
        record=kept,
        kinds={kind.name.lower(): int(row["counts"][kind]) for kind in Kind if row["counts"][kind]},
    )


def _liked(seen: Spectrum, recency: Recency) -> list[tuple[Product, float]]:
    """Products of the ring with a behaviour of positive weight, and that weight faded by time.

    What came since does not fade a profile: it says what someone is like, not what they want next.
    """
    weights = (seen.weights * recency.by_time(seen.now - seen.times)).tolist()
    pairs = zip(seen.products, weights, seen.weights.tolist(), strict=True)
    return [(product, faded) for product, faded, weight in pairs if product is not None and weight > 0]


def _of_tail(row: Rows, plural: str, singular: str, products: ProductTable, faded: float) -> list[Counted]:
    columns = (row[plural], row[f"{singular}_weights"], row[f"{singular}_counts"])
    held = zip(*(column.tolist() for column in columns), strict=True)
    return [(products.facet(key), weight * faded, count) for key, weight, count in held if key]


def _facets(counted: Iterable[Counted], total: int) -> list[Facet]:
    """Strongest first; a name nobody gave is left out."""
    weights: defaultdict[str, float] = defaultdict(float)
    counts: Counter[str] = Counter()
    for name, weight, count in counted:
        weights[name] += weight
        counts[name] += count
    found = [Facet(name, min(1.0, counts[name] / total), weight) for name, weight in weights.items() if name]
    return sorted(found, key=lambda facet: (-facet.weight, -facet.share, facet.name))[:MOST_FACETS]


def _prices(products: Iterable[Product]) -> PriceBand | None:
    priced = [(product.currency, product.amount) for product in products if product.currency]
    if not priced:
        return None
    currency = Counter(of for of, _ in priced).most_common(1)[0][0]
    amounts = sorted(Decimal(amount) for of, amount in priced if of == currency)
    return PriceBand(currency, *(_quantile(amounts, quarter) for quarter in (1, 2, 3)))


def _quantile(amounts: Sequence[Decimal], quarter: int) -> Decimal:
    """Between the two nearest amounts in proportion, to the cents the shop uses."""
    place, part = divmod((len(amounts) - 1) * quarter, 4)
    if not part:
        return amounts[place]
    low, high = amounts[place], amounts[place + 1]
    digits = min(int(amount.as_tuple().exponent) for amount in (low, high))
    return (low + (high - low) * part / 4).quantize(Decimal(1).scaleb(digits))
