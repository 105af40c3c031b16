"""The nearest products by looking at all of them: up to some thousands, nothing is faster."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recommender.domain.allowed import Allowed
from recommender.domain.shop import Places, Shop
from recommender.domain.vectors import FLAT, Vector

Scores = NDArray[np.float32]
FEW = 5_000  # products that a filter lets through, which are compared one by one: 1 ms
_SAMPLE = 512  # places that tell about which part of a shop passes a filter


def nearest(shop: Shop, vector: Vector, k: int, allowed: Allowed) -> tuple[Places, Scores]:
    """The k places of the largest cosine among those that may be offered, best first."""
    if len(shop.ids) <= FLAT:
        places = np.arange(len(shop.ids))
        scores = shop.vectors.cosines_of_all(len(places), vector)
        fits = allowed.fits(shop, places)
        places, scores = places[fits], scores[fits]
    else:
        places = allowed.everywhere(shop)
        scores = shop.vectors.cosines(places, vector)
    return best(places, scores, k)


def best(places: Places, scores: Scores, k: int) -> tuple[Places, Scores]:
    """The k best of them, best first; of equals the lower place."""
    if len(places) > k:
        least = np.partition(scores, -k)[-k]
        some = np.flatnonzero(scores >= least)
        places, scores = places[some], scores[some]
    order = np.lexsort((places, -scores))[:k]
    return places[order], scores[order]


def share(shop: Shop, allowed: Allowed) -> float:
    """About which part of the products may be offered, in [0, 1], by a sample of them."""
    step = max(1, len(shop.ids) // _SAMPLE)
    places = np.arange(0, len(shop.ids), step)
    there = int(shop.facts.columns.there[places].sum())
    return int(allowed.fits(shop, places).sum()) / there if there else 0.0
