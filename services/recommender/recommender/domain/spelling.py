"""Mistyped words → the shop's own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

WORD = re.compile(r"[^\W\d_\u3040-\u30ff\u3400-\u9fff]+")  # of letters that stand for sounds
SHORTEST, LONGEST = 4, 24  # letters of a word that is corrected: three letters are near to everything
_TWICE = 7  # letters from which on two slips are allowed: shorter words two slips apart are other words
_MOST = 200_000  # words that are kept
_TRIED = 80  # words that are compared letter by letter, those with the most letters in common first
_ROOM = 1024


class Spelling:
    """The words of a shop's products, found again from what is one or two slips away.

    Words are sifted by the letters that they hold, as bits: a slip changes at most two of them. So a search costs some
    100 µs at 100,000 words, a new word nothing. Words stay when their products are gone: whoever asks says which count.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._words: list[str] = []
        self._letters: NDArray[np.uint32] = np.zeros(_ROOM, dtype=np.uint32)
        self._lengths: NDArray[np.int16] = np.zeros(_ROOM, dtype=np.int16)

    def learn(self, text: str) -> None:
        """Take the words of a text, until there are too many."""
        for word in map(plain, WORD.findall(text)):
            if SHORTEST <= len(word) <= LONGEST and word not in self._numbers and len(self._words) < _MOST:
                self._add(word)

    def nearest(self, word: str, count: Callable[[str], float]) -> str:
        """The word one slip away, else two, that most products have; empty: there is none.

        A slip is a letter too many, missing, wrong, or exchanged with its neighbour. `count`: how many products have a
        word now.
        """
        word = plain(word)
        if not SHORTEST <= len(word) <= LONGEST:
            return ""
        most = 2 if len(word) >= _TWICE else 1
        best: tuple[int, bool, float] | None = None
        nearest = ""
        for other in self._alike(word, most):
            slips = distance(word, other, most)
            if slips > most or not (having := count(other)):
                continue
            rank = (slips, other[0] != word[0], -having)
            if best is None or rank < best:
                best, nearest = rank, other
        return nearest

    def _alike(self, word: str, most: int) -> Iterable[str]:
        """Words that may be so few slips away."""
        size = len(self._words)
        different = np.bitwise_count(self._letters[:size] ^ np.uint32(_bits(word)))
        near = np.flatnonzero((np.abs(self._lengths[:size] - len(word)) <= most) & (different <= 2 * most))
        if len(near) > _TRIED:
            near = near[np.argsort(different[near], kind="stable")[:_TRIED]]
        return (self._words[number] for number in near.tolist())

    def _add(self, word: str) -> None:
        number = self._numbers[word] = len(self._words)
        self._words.append(word)
        if number >= len(self._letters):
            self._letters = np.concatenate([self._letters, np.zeros_like(self._letters)])
            self._lengths = np.concatenate([self._lengths, np.zeros_like(self._lengths)])
        self._letters[number], self._lengths[number] = _bits(word), len(word)


def distance(a: str, b: str, most: int) -> int:
    """Damerau-Levenshtein (optimal string alignment) between two words; any number above `most` where it is more."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, start=1):
        two, before, row = before, row, [i]
        for j, other in enumerate(b, start=1):
            cost = min(row[-1] + 1, before[j] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, two[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]


def plain(word: str) -> str:
    """Small letters without accents."""
    if word.isascii():
        return word.lower()
    return "".join(c for c in unicodedata.normalize("NFD", word.lower()) if not unicodedata.combining(c))


def _bits(word: str) -> int:
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) % 32)
    return bits
