"""The sparse part of sim(r_u, e_p): cosine of weighted words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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
        self._having = np.zeros(1024)
        self._bags: list[tuple[NDArray[np.int64], Values] | None] = []
        self._products = 0

    def put(self, place: int, bag: Bag | None) -> None:
        """Take the words of a product in place of those it had; None: it is gone."""
        self._bags.extend([None] * (place + 1 - len(self._bags)))
        old = self._bags[place]
        if old is not None:
            self._having[old[0]] -= 1
            self._products -= 1
        self._bags[place] = None
        if bag is not None:
            numbers = np.array([self._number(word) for word in bag.words.tolist()], dtype=np.int64)
            self._having[numbers] += 1
            self._products += 1
            self._bags[place] = (numbers, bag.weights.astype(np.float64))

    def cosines(self, asked: Mapping[int, float], places: Sequence[int]) -> Values:
        """Cosine of the asked words (32-bit name → weight) with each product's, every word times its idf; (n,)."""
        sought = np.zeros(len(self._having))
        total = 0.0
        for word, weight in asked.items():
            number = self._numbers.get(word)
            idf = self._idf(0.0 if number is None else float(self._having[number]))
            total += (weight * idf) ** 2
            if number is not None:
                sought[number] = weight * idf * idf
        bags = [bag if (bag := self._bags[place]) is not None else _NO_WORDS for place in places]
        if not total or not bags:
            return np.zeros(len(places))
        # reduceat has no empty segments: every bag opens with a word that counts nothing.
        numbers = np.concatenate([part for bag in bags for part in (_ZERO_NUMBER, bag[0])])
        weights = np.concatenate([part for bag in bags for part in (_ZERO_WEIGHT, bag[1])])
        starts = np.concatenate([[0], np.cumsum([len(bag[0]) + 1 for bag in bags])[:-1]])
        idfs = np.log1p((self._products - self._having[numbers] + 0.5) / (self._having[numbers] + 0.5))
        dots = np.add.reduceat(weights * sought[numbers], starts)
        lengths = np.sqrt(np.add.reduceat((weights * idfs) ** 2, starts) * total)
        found: Values = np.divide(dots, lengths, out=np.zeros(len(places)), where=lengths > 0)
        return found

    def common(self, asked: Mapping[int, float], place: int) -> list[int]:
        """The asked words that a product holds, the most telling first."""
        bag = self._bags[place] if place < len(self._bags) else None
        held = set() if bag is None else set(bag[0].tolist())
        numbers = {word: self._numbers.get(word) for word in asked}
        shared = [(word, number) for word, number in numbers.items() if number is not None and number in held]
        return [word for word, number in sorted(shared, key=lambda w: -asked[w[0]] * self._idf(self._having[w[1]]))]

    def _idf(self, having: float) -> float:
        return float(np.log1p((self._products - having + 0.5) / (having + 0.5)))

    def _number(self, word: int) -> int:
        number = self._numbers.get(word)
        if number is None:
            number = self._numbers[word] = len(self._numbers)
            if number >= len(self._having):
                self._having = np.concatenate([self._having, np.zeros(len(self._having))])
        return number


_ZERO_NUMBER, _ZERO_WEIGHT = np.zeros(1, dtype=np.int64), np.zeros(1)
_NO_WORDS = (np.zeros(0, dtype=np.int64), np.zeros(0))
