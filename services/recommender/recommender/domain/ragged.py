"""Rows of different lengths in one array, so that those of many places are read at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# The loops below `scipy.sparse`, on arrays that are no matrix of it: to make one costs more than what is done with it.
from scipy.sparse._sparsetools import csc_matvec, csr_matvec, csr_row_index

from recommender.domain.columns import Flags, T, grown

Places = NDArray[np.int64]
Numbers = NDArray[np.int32]
Weights = NDArray[np.float32]
Values = NDArray[np.float64]

Kept = NDArray[np.uint16]

_ROOM = 1024
_ONE = np.ones(1)
_PARTS = np.float32(16_384)  # that 1.0 is kept as: half of the memory of floats, and a power of two is exact
_MOST = np.float32(65_535)


class Rows(NamedTuple):
    """Some rows, one after the other: row i is what lies from `ends[i]` to `ends[i + 1]`."""

    numbers: Numbers  # (n,)
    weights: Weights  # (n,)
    ends: Numbers  # (rows + 1,)

    @property
    def lengths(self) -> Numbers:
        """(rows,)."""
        return np.diff(self.ends)

    def dots(self, table: Values) -> Values:
        """Per row, the sum of its weights, each times what the table says of its number; (rows,)."""
        return self._summed(self.numbers, self.weights.astype(np.float64), table)

    def spread(self, shares: Values, table: Values) -> None:
        """Add each row's weights, times its share, to what the table says of its numbers."""
        weights = self.weights.astype(np.float64)
        csc_matvec(len(table), len(shares), self.ends, self.numbers, weights, shares, table)

    def sums(self, values: Values | Weights | Flags) -> Values:
        """The sum of each row's part of `values`, (n,); (rows,)."""
        first: Numbers = np.zeros(len(values), dtype=np.int32)
        return self._summed(first, np.asarray(values, dtype=np.float64), _ONE)

    def _summed(self, numbers: Numbers, values: Values, table: Values) -> Values:
        found: Values = np.zeros(len(self.ends) - 1)
        csr_matvec(len(found), len(table), self.ends, numbers, values, table, found)
        return found


def distinct(numbers: Numbers) -> Numbers:
    """Each of the numbers once, ascending."""
    ordered = np.sort(numbers)
    first = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]


class Ragged:
    """A row of weighted numbers for each place; one that was never put is empty. Weights are in [0, 4), to 3e-5.

    Invariants: the last place there is room for is never put, and read for all beyond; what was replaced lies around
    until it is more than what is held, so that a put costs what it puts. At most 2³¹ elements.
    """

    def __init__(self) -> None:
        self._numbers: Numbers = np.zeros(_ROOM, dtype=np.int32)
        self._weights: Kept = np.zeros(_ROOM, dtype=np.uint16)
        self._bounds: Numbers = np.zeros((_ROOM, 2), dtype=np.int32)  # by place: from where to where
        self._end, self._held = 0, 0  # elements: written, and of rows that are still held

    def put(self, place: int, numbers: Sequence[int], weights: Weights | Values) -> None:
        """Replace a row."""
        while place >= len(self._bounds) - 1:
            self._bounds = _longer(self._bounds)
        start, end = self._bounds[place].tolist()
        size = len(numbers)
        if size and end - start == size:  # what changed of it seldom changes its length
            self._numbers[start:end] = numbers
            self._weights[start:end] = _kept(weights)
            return
        self._held -= end - start
        self._bounds[place] = 0
        if not size:
            return
        if self._end > 2 * self._held + _ROOM:
            self._close_up()
        while self._end + size > len(self._numbers):
            self._numbers, self._weights = _longer(self._numbers), _longer(self._weights)
        self._numbers[self._end : self._end + size] = numbers
        self._weights[self._end : self._end + size] = _kept(weights)
        self._bounds[place] = self._end, self._end + size
        self._end += size
        self._held += size

    def numbers(self, place: int) -> Numbers:
        """The numbers of one row."""
        start, end = self._bounds[min(place, len(self._bounds) - 1)].tolist()
        return self._numbers[start:end]

    def take(self, places: Sequence[int] | Places) -> Rows:
        """The rows of some places, in their order."""
        numbers, kept, ends = self._taken(places)
        weights: Weights = np.divide(kept, _PARTS, dtype=np.float32)
        return Rows(numbers, weights, ends)

    def _taken(self, places: Sequence[int] | Places) -> tuple[Numbers, Kept, Numbers]:
        at = np.minimum(np.asarray(places, dtype=np.int64), len(self._bounds) - 1)
        bounds = self._bounds[at]
        ends: Numbers = np.zeros(len(at) + 1, dtype=np.int32)
        np.cumsum(bounds[:, 1] - bounds[:, 0], out=ends[1:])
        numbers: Numbers = np.empty(ends[-1], dtype=np.int32)
        kept: Kept = np.empty(ends[-1], dtype=np.uint16)
        # Read as the ends of twice as many rows, of which every other one is what lies between two places'.
        csr_row_index(
            len(at), (2 * at).astype(np.int32), self._bounds.ravel(), self._numbers, self._weights, numbers, kept
        )
        return numbers, kept, ends

    def _close_up(self) -> None:
        places = np.flatnonzero(self._bounds[:, 0] < self._bounds[:, 1])
        numbers, kept, ends = self._taken(places)
        self._end = len(numbers)
        self._numbers[: self._end], self._weights[: self._end] = numbers, kept
        self._bounds[places, 0], self._bounds[places, 1] = ends[:-1], ends[1:]


def _kept(weights: Weights | Values) -> Kept:
    parts: Kept = np.clip(np.rint(weights * _PARTS), 0, _MOST).astype(np.uint16)
    return parts


def _longer(column: NDArray[T]) -> NDArray[T]:
    return grown(column, len(column) * 3 // 2)
