"""Which products hold a word: places by number of the word."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.int32]

_FEW = 4_096  # postings: until there are so many, nothing is thrown away


class Postings:
    """For each word the places that hold it, each once; some of them may not hold it any more.

    What a product no longer says is only counted: whoever finds a place here looks at its words anyway. When most of
    what lies here is of that kind, `worn` says that it should be made anew.
    """

    def __init__(self) -> None:
        self._lists: list[array[int]] = []  # by number of the word
        self._held, self._stale = 0, 0

    def change(self, place: int, before: Collection[int], now: Collection[int]) -> None:
        """A product says other words than before."""
        for number in set(now).difference(before):
            while number >= len(self._lists):
                self._lists.append(array("i"))
            self._lists[number].append(place)
            self._held += 1
        self._stale += len(set(before).difference(now))

    @property
    def worn(self) -> bool:
        """Whether most of it is of the past."""
        return self._stale > _FEW and 2 * self._stale > self._held

    def count(self, number: int) -> int:
        """How many places are listed for a word."""
        return len(self._lists[number]) if number < len(self._lists) else 0

    def places(self, number: int) -> Hits:
        """Them. Until the next change only."""
        return np.frombuffer(self._lists[number], dtype=np.int32)


def remade(rows: Iterable[tuple[int, Sequence[int]]]) -> Postings:
    """From what products say now: place and numbers of words."""
    made = Postings()
    for place, numbers in rows:
        made.change(place, (), numbers)
    return made
