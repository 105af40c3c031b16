"""What is popular now: counts that fade, without a clock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from recommender.domain.columns import grown

HALF_LIFE = timedelta(days=7)  # a week holds each weekday once; a shop's campaigns last about as long
_ZERO = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
_LEADING = 1_000  # most popular places that are kept apart: more than anybody asks for
_MOST = 1000.0  # halvings: a float64 holds 2^±1022, which is 19 years around 2026


def share(at: int, weight: float) -> float:
    """What a behaviour at `at` (milliseconds since 1970) adds: weight · 2^(t / half-life).

    Sums of these compare as sums that have faded to the same moment do, in whatever order they came.
    """
    halvings = (at - _ZERO) / (HALF_LIFE / timedelta(milliseconds=1))
    return float(weight * 2.0 ** min(max(halvings, -_MOST), _MOST))


class Trend:
    """One faded count per place.

    Invariant: every place whose count is above `_floor` is among `_leading`, so that the first ones of a million are
    found among a few thousand. Counts only grow.
    """

    def __init__(self) -> None:
        self.counts: NDArray[np.float64] = np.zeros(1024)
        self._leading: set[int] = set()
        self._floor = 0.0
        self._first: NDArray[np.int64] | None = None  # the leading ones, best first, until one of them changes

    def add(self, shares: Iterable[tuple[int, float]]) -> None:
        """(place, share) pairs."""
        for place, value in shares:
            if place >= len(self.counts):
                self.counts = grown(self.counts, max(place + 1, 2 * len(self.counts)))
            self.counts[place] += value
            if self.counts[place] > self._floor:
                self._leading.add(place)
                self._first = None
                if len(self._leading) > 4 * _LEADING:
                    self._narrow()

    def top(self, k: int) -> NDArray[np.int64]:
        """The k most popular places, best first; those without any count are left out."""
        if self._first is None:
            self._first = self._ordered(np.fromiter(self._leading, dtype=np.int64, count=len(self._leading)))
        if k > len(self._first) and self._floor:
            return self._ordered(np.flatnonzero(self.counts))[:k]
        return self._first[:k]

    def values(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """In [0, 1]: the square root of the share of the most popular product, so that the middle can be told apart."""
        first = self.top(1)
        most = float(self.counts[first[0]]) if len(first) else 0.0
        if not most:
            return np.zeros(len(places))
        inside = places < len(self.counts)
        return np.where(inside, np.sqrt(self.counts[np.where(inside, places, 0)] / most), 0.0)

    def _narrow(self) -> None:
        first = self.top(_LEADING)
        self._floor = float(self.counts[first[-1]])
        self._leading = set(first.tolist())
        self._first = None

    def _ordered(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        counts = self.counts[places]
        order: NDArray[np.int64] = places[np.lexsort((places, -counts))]
        return order[: int((counts > 0).sum())]
