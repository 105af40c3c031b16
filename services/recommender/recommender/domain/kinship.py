"""What could be bought in place of a product, and what with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recommender.domain.columns import Flags
from recommender.domain.shop import Places, Shop

SUBSTITUTE, COMPLEMENT = "substitute", "complement"
# Links that say "in its place"; whatever else a catalogue links is meant to go with it.
_INSTEAD = frozenset({"variant_of", "replaces", "replaced_by", "similar_to", "alternative_to", "also_viewed"})
_ALIKE = 0.7  # cosine from which two products of different categories are the same thing under two names
_PRICE = 3.0  # times the price: beyond, nobody takes one for the other


def substitutes(shop: Shop, place: int, others: Places) -> Flags:
    """Which of the others could be bought in its place; the rest with it.

    What the catalogue states decides. Else those of its own category could, at a price not far from its own, and those
    whose names say the same.
    """
    columns = shop.facts.columns
    same = (columns.category[others] == columns.category[place]) & (columns.category[place] != 0)
    alike = shop.vectors.take(others) @ shop.vectors.at(place) >= _ALIKE
    found: Flags = (same | alike) & _affordable(shop, place, others)
    for kind, edges in shop.graph.links.items():
        linked = np.isin(others, edges.row(place).places)
        found = found | linked if kind in _INSTEAD else found & ~linked
    return found


def of_any(shop: Shop, places: Sequence[int], others: Places) -> Flags:
    """Which of the others could be bought in place of any of some products."""
    found: Flags = np.zeros(len(others), dtype=bool)
    for place in places:
        found |= substitutes(shop, place, others)
    return found


def _affordable(shop: Shop, place: int, others: Places) -> Flags:
    columns = shop.facts.columns
    mine, theirs = columns.amount[place], columns.amount[others]
    compared = (columns.currency[others] == columns.currency[place]) & (mine > 0) & (theirs > 0)
    near: Flags = ~compared | ((theirs <= _PRICE * mine) & (mine <= _PRICE * theirs))
    return near
