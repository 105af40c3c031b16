"""The sparse part of sim(r_u, e_p): cosine of weighted words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.domain.ragged import Places, Ragged

Values = NDArray[np.float64]


class Bag(NamedTuple):
    """Weighted words."""

    words: NDArray[np.uint32]  # (n,) 32-bit names, distinct
    weights: NDArray[np.float32]  # (n,) > 0


EMPTY = Bag(np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.float32))


class WordTable:
    """The words of all products of a shop, by place.

    Invariant: `_having[i]` counts the products that hold word i now, so that idf is what it would be had those that
    left never come.
    """

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}  # 32-bit name → number of the word here
        self._named = np.zeros(1024, dtype=np.uint32)  # and back
        self._having = np.zeros(1024)
        self._idfs: Values | None = None  # of every word; None: products came or went since
        self._rows = Ragged()
        self._places: set[int] = set()  # of products, also of those without words

    def put(self, place: int, bag: Bag | None) -> None:
        """Take the words of a product in place of those it had; None: it is gone."""
        if place in self._places:
            self._having[self._rows.numbers(place)] -= 1
            self._places.remove(place)
        numbers, weights = [], _NONE
        if bag is not None:
            numbers, weights = [self._number(word) for word in bag.words.tolist()], bag.weights.astype(np.float64)
            self._having[numbers] += 1
            self._places.add(place)
        self._rows.put(place, numbers, weights)
        self._idfs = None

    def bag(self, place: int) -> Bag:
        """The words of a product, as they were put."""
        row = self._rows.take([place])
        return Bag(self._named[row.numbers[1:]], row.weights[1:].astype(np.float32))

    def cosines(self, asked: Mapping[int, float], places: Sequence[int] | Places) -> Values:
        """Cosine of the asked words (32-bit name → weight) with each product's, every word times its idf; (n,)."""
        idfs = self._all_idfs()
        sought = np.zeros(len(idfs))
        total = 0.0
        for word, weight in asked.items():
            number = self._numbers.get(word)
            if number is None:
                total += (weight * self._idf(0.0)) ** 2
                continue
            idf = float(idfs[number])
            total += (weight * idf) ** 2
            sought[number] = weight * idf * idf
        if not total:
            return np.zeros(len(places))
        rows = self._rows.take(places)
        dots = rows.sums(rows.weights * sought[rows.numbers])
        lengths = np.sqrt(rows.sums((rows.weights * idfs[rows.numbers]) ** 2) * total)
        found: Values = np.divide(dots, lengths, out=np.zeros(len(places)), where=lengths > 0)
        return found

    def _all_idfs(self) -> Values:
        if self._idfs is None:
            having = self._having
            self._idfs = np.log1p((len(self._places) - having + 0.5) / (having + 0.5))
        return self._idfs

    def _idf(self, having: float) -> float:
        return float(np.log1p((len(self._places) - having + 0.5) / (having + 0.5)))

    def _number(self, word: int) -> int:
        number = self._numbers.get(word)
        if number is None:
            number = self._numbers[word] = len(self._numbers)
            if number >= len(self._having):
                self._having = np.concatenate([self._having, np.zeros(len(self._having))])
                self._named = np.concatenate([self._named, np.zeros(len(self._named), dtype=np.uint32)])
            self._named[number] = word
        return number


_NONE: Values = np.zeros(0)
