"""Which products hold a word: places by number of the word."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.int32]

_FEW = 4_096  # postings: until there are so many, nothing is thrown away
_AT_ONCE = 50  # places: half a millisecond beside the change of one


class Postings:
    """For each word the places that hold it, each once; some of them may not hold it any more.

    What a product no longer says is only counted: whoever finds a place here looks at its words anyway. When most of
    what lies here is of that kind, `worn` says that it should be made anew, which `renew` does beside the changes that
    come: at once it would take a second for a hundred thousand products.
    Invariant: while another one is made, it holds what the places before `_at` say now, and those from `_until` on.
    """

    def __init__(self) -> None:
        self._lists: list[array[int]] = []  # by number of the word
        self._held, self._stale = 0, 0
        self._next: Postings | None = None
        self._at, self._until = 0, 0

    def change(self, place: int, before: Collection[int], now: Collection[int]) -> None:
        """A product says other words than before."""
        new = set(now).difference(before)
        self._lists.extend(array("i") for _ in range(len(self._lists), max(new, default=-1) + 1))
        for number in new:
            self._lists[number].append(place)
        self._held += len(new)
        self._stale += len(set(before).difference(now))
        if self._next is not None and not self._at <= place < self._until:
            self._next.change(place, before, now)

    @property
    def worn(self) -> bool:
        """Whether most of it is of the past, and nobody makes it anew yet."""
        return self._next is None and self._stale > _FEW and 2 * self._stale > self._held

    def renew(self, places: int) -> None:
        """Begin to make it anew from what the first so many places say."""
        self._next, self._at, self._until = Postings(), 0, places

    def go_on(self, says: Callable[[int], Collection[int]]) -> None:
        """Take over some more of them, if there are any; `says`: the numbers of a product's words, as of now."""
        if self._next is None:
            return
        end = min(self._at + _AT_ONCE, self._until)
        for place in range(self._at, end):
            self._next.change(place, (), says(place))
        self._at = end
        if end == self._until:
            made, self._next = self._next, None
            self._lists, self._held, self._stale = made._lists, made._held, made._stale  # noqa: SLF001 - its own kind

    def count(self, number: int) -> int:
        """How many places are listed for a word."""
        return len(self._lists[number]) if number < len(self._lists) else 0

    def places(self, number: int) -> Hits:
        """Them. Until the next change only."""
        return np.frombuffer(self._lists[number], dtype=np.int32)
