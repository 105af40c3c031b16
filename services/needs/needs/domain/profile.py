"""What a person cares about, in words and counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from needs.domain.products import Product, ProductTable, attribute
from needs.domain.shop_record import ShopRecord
from needs.domain.spectrum import Spectrum
from needs.domain.state import FACETS, Rows
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
    """Categories, brands and attributes since the beginning. Prices are of the ring: what someone is used to pay."""

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
    rows: Sequence[Rows],
    words: Words,
    record: ShopRecord | None,
    seen: Spectrum,
    products: ProductTable,
    recency: Recency,
) -> Profile:
    """The profile of one person, whose behaviours are `seen`; `rows`, each (), are one for each id they had."""
    liked = _liked(seen, products, recency)
    total = sum(int(row["positive"]) for row in rows) + len(liked)
    counts = np.sum([row["counts"] for row in rows], axis=0)
    kept = record or ShopRecord()
    old = {facet: [each for row in rows for each in _of_tail(row, *facet, seen.now, products, recency)]
           for facet in FACETS}  # fmt: skip
    categories, brands, attributes = (old[facet] for facet in FACETS)
    return Profile(
        known=record is not None or words.asked > 0 or bool(counts.any()),
        categories=_facets([*categories, *((p.category, weight, 1) for p, weight in liked)], total),
        brands=_facets([*brands, *((p.brand, weight, 1) for p, weight in liked)], total),
        attributes=_facets(
            [*attributes, *((attribute(*each), w, 1) for p, w in liked for each in p.attributes.items())], total
        ),
        prices=_prices(product for product, _ in liked),
        language=language_of(words, kept),
        record=kept,
        kinds={kind.name.lower(): int(counts[kind]) for kind in Kind if counts[kind]},
    )


def _liked(seen: Spectrum, products: ProductTable, recency: Recency) -> list[tuple[Product, float]]:
    """Products of the ring with a behaviour of positive weight, and that weight faded by time.

    What came since does not fade a profile: it says what someone is like, not what they want next. But a product that
    was bought and returned, or viewed and disliked, is not liked.
    """
    weights = (seen.weights * recency.by_time(seen.now - seen.times)).tolist()
    found = [products.at(place) for place in seen.places.tolist()]
    told = [(p, f, w) for p, f, w in zip(found, weights, seen.effective.tolist(), strict=True) if p is not None]
    sums: defaultdict[str, float] = defaultdict(float)
    for product, _, weight in told:
        sums[product.product_id] += weight
    return [(p, faded) for p, faded, weight in told if weight > 0 and sums[p.product_id] > 0]


def _of_tail(
    row: Rows, plural: str, singular: str, now: int, products: ProductTable, recency: Recency
) -> list[Counted]:
    faded = float(recency.by_time(np.array(now - int(row["tail_at"]))))
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
