"""How good ranked lists are."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
CUTS = (5, 10, 20)
_RESAMPLES = 1_000
_SEED = 20260101  # the same interval in every run


class Interval(NamedTuple):
    """A mean and where it would lie in 95 % of resamples of the people."""

    mean: float
    low: float
    high: float


def recall(ranked: Sequence[object], wanted: Collection[object], k: int) -> float:
    """The share of what is wanted that is among the first k; of more than k wanted, the share of k."""
    return sum(each in wanted for each in ranked[:k]) / min(len(wanted), k) if wanted else 0.0


def ndcg(ranked: Sequence[object], wanted: Collection[object], k: int) -> float:
    """Normalised discounted cumulative gain with gains of 0 and 1."""
    gained = sum(1 / math.log2(place + 2) for place, each in enumerate(ranked[:k]) if each in wanted)
    best = sum(1 / math.log2(place + 2) for place in range(min(len(wanted), k)))
    return gained / best if best else 0.0


def reciprocal_rank(ranked: Sequence[object], wanted: Collection[object], k: int) -> float:
    """1 / place of the first that is wanted among the first k, else 0."""
    return next((1 / (place + 1) for place, each in enumerate(ranked[:k]) if each in wanted), 0.0)


def interval(values: Values) -> Interval:
    """Of one value per person, by bootstrap."""
    if not len(values):
        return Interval(0.0, 0.0, 0.0)
    means = np.sort(_resampled(values))
    low, high = means[int(0.025 * _RESAMPLES)], means[int(0.975 * _RESAMPLES) - 1]
    return Interval(float(values.mean()), float(low), float(high))


def _resampled(values: Values) -> Values:
    """(resamples,) means; drawn in a loop, because people × resamples do not fit into memory."""
    chance = np.random.default_rng(_SEED)
    return np.array([values[chance.integers(0, len(values), len(values))].mean() for _ in range(_RESAMPLES)])


def probability_of_gain(after: Values, before: Values) -> float:
    """How sure it is that `after` is better than `before` on the same people: the share of resamples that say so."""
    return float((_resampled(after - before) > 0).mean()) if len(after) else 0.0


def coverage(lists: Sequence[Sequence[int]], catalogue: int, k: int) -> float:
    """The share of the catalogue that anybody is offered among the first k."""
    return len({place for ranked in lists for place in ranked[:k]}) / catalogue if catalogue else 0.0


def novelty(lists: Sequence[Sequence[int]], people: Values, k: int) -> float:
    """Mean bits of surprise of an offer, -log2 of the share of people who had to do with it; `people` by place."""
    total = max(float(people.sum()), 1.0)
    bits = -np.log2((people + 1) / (total + len(people)))
    found = [float(bits[list(ranked[:k])].mean()) for ranked in lists if ranked]
    return float(np.mean(found)) if found else 0.0


def diversity(lists: Sequence[Sequence[int]], vectors: NDArray[np.float32], k: int) -> float:
    """Mean of 1 - cosine over the pairs within a list; vectors of unit length, by place."""
    found = []
    for ranked in lists:
        own = vectors[list(ranked[:k])]
        n = len(own)
        if n > 1:
            alike = own @ own.T
            found.append(1 - float(alike.sum() - np.trace(alike)) / (n * (n - 1)))
    return float(np.mean(found)) if found else 0.0
