"""Rows of different lengths in one array, so that those of many places are read at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.domain.columns import T, grown

Places = NDArray[np.int64]
Numbers = NDArray[np.int32]
Weights = NDArray[np.float32]
Values = NDArray[np.float64]

_ROOM = 1024


class Rows(NamedTuple):
    """Some rows, one after the other. Each opens with the number 0 of weight 0, so that none is empty."""

    numbers: Numbers  # (n,)
    weights: Weights  # (n,)
    starts: Places  # (rows,)
    lengths: Places  # (rows,), without what they open with

    def sums(self, values: Values | Weights) -> Values:
        """The sum of each row's part of `values`, (n,)."""
        if not len(self.starts):
            return np.zeros(0)
        found: Values = np.add.reduceat(values, self.starts, dtype=np.float64)
        return found


class Ragged:
    """A row of weighted numbers for each place; one that was never put is empty.

    Invariants: the first element is nobody's row and read for all that are empty; the last place there is room for is
    never put, and read for all beyond; what was replaced lies around until it is more than what is held, so that a put
    costs what it puts.
    """

    def __init__(self) -> None:
        self._numbers: Numbers = np.zeros(_ROOM, dtype=np.int32)
        self._weights: Weights = np.zeros(_ROOM, dtype=np.float32)
        self._starts: Places = np.zeros(_ROOM, dtype=np.int64)  # by place
        self._lengths: Places = np.zeros(_ROOM, dtype=np.int64)
        self._end, self._held = 1, 1  # elements: written, and of rows that are still held

    def put(self, place: int, numbers: Sequence[int], weights: Weights | Values) -> None:
        """Replace a row."""
        while place >= len(self._starts) - 1:
            self._starts, self._lengths = _longer(self._starts), _longer(self._lengths)
        size = len(numbers) + 1
        if len(numbers) and self._lengths[place] == len(numbers):  # what changed of it seldom changes its length
            start = self._starts[place] + 1
            self._numbers[start : start + len(numbers)] = numbers
            self._weights[start : start + len(numbers)] = weights
            return
        self._held -= self._taken(place)
        self._starts[place] = self._lengths[place] = 0
        if not len(numbers):
            return
        if self._end > 2 * self._held + _ROOM:
            self._close_up()
        while self._end + size > len(self._numbers):
            self._numbers, self._weights = _longer(self._numbers), _longer(self._weights)
        self._numbers[self._end + 1 : self._end + size] = numbers
        self._weights[self._end + 1 : self._end + size] = weights
        self._numbers[self._end], self._weights[self._end] = 0, 0.0
        self._starts[place], self._lengths[place] = self._end, len(numbers)
        self._end += size
        self._held += size

    def numbers(self, place: int) -> Numbers:
        """The numbers of one row."""
        at = min(place, len(self._starts) - 1)
        start = self._starts[at] + 1
        return self._numbers[start : start + self._lengths[at]]

    def take(self, places: Sequence[int] | Places) -> Rows:
        """The rows of some places, in their order."""
        at = np.minimum(np.asarray(places, dtype=np.int64), len(self._starts) - 1)
        lengths = self._lengths[at]
        sizes = lengths + 1
        starts = np.cumsum(sizes) - sizes
        index = np.repeat(self._starts[at] - starts, sizes)
        index += _counting(len(index))
        return Rows(self._numbers[index], self._weights[index], starts, lengths)

    def _taken(self, place: int) -> int:
        return int(self._lengths[place]) + 1 if self._lengths[place] else 0

    def _close_up(self) -> None:
        places = np.flatnonzero(self._lengths)
        rows = self.take(places)
        self._end = 1 + len(rows.numbers)
        self._numbers[1 : self._end], self._weights[1 : self._end] = rows.numbers, rows.weights
        self._starts[places] = rows.starts + 1


@lru_cache(maxsize=1)
def _numbers(room: int) -> Places:
    return np.arange(room)


def _counting(count: int) -> Places:
    """0, 1, 2 …"""
    return _numbers(65_536)[:count] if count <= 65_536 else np.arange(count)  # noqa: PLR2004 - more than any request


def _longer(column: NDArray[T]) -> NDArray[T]:
    return grown(column, len(column) * 3 // 2)
