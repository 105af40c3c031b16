"""What is popular now: counts that fade, without a clock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

HALF_LIFE = timedelta(days=7)  # a week holds each weekday once; a shop's campaigns last about as long
_ZERO = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
_MOST = 1000.0  # halvings: a float64 holds 2^±1022, which is 19 years around 2026


def share(at: int, weight: float) -> float:
    """What a behaviour at `at` (milliseconds since 1970) adds: weight · 2^(t / half-life).

    Sums of these compare as sums that have faded to the same moment do, in whatever order they came.
    """
    halvings = (at - _ZERO) / (HALF_LIFE / timedelta(milliseconds=1))
    return float(weight * 2.0 ** min(max(halvings, -_MOST), _MOST))


class Trend:
    """One faded count per place."""

    def __init__(self) -> None:
        self.counts: NDArray[np.float64] = np.zeros(1024)

    def add(self, shares: Iterable[tuple[int, float]]) -> None:
        """(place, share) pairs."""
        for place, value in shares:
            if place >= len(self.counts):
                grown = max(place + 1, 2 * len(self.counts))
                self.counts = np.concatenate([self.counts, np.zeros(grown - len(self.counts))])
            self.counts[place] += value

    def top(self, k: int) -> NDArray[np.int64]:
        """The k most popular places, best first; those without any count are left out."""
        some = np.flatnonzero(self.counts)
        order = some[np.argsort(-self.counts[some], kind="stable")]
        return order[:k]

    def values(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """In [0, 1]: the square root of the share of the most popular product, so that the middle can be told apart."""
        most = float(self.counts.max(initial=0.0))
        if not most:
            return np.zeros(len(places))
        inside = places < len(self.counts)
        return np.where(inside, np.sqrt(self.counts[np.where(inside, places, 0)] / most), 0.0)
