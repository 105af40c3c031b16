"""BM25 in process, exact while entries come and go."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, insort
from collections import Counter
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from lm.lexical.sparse import K1, B

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from numpy.typing import NDArray

Id = TypeVar("Id", bound="Hashable")

COUNT_BITS = 8  # a posting is slot << 8 | count; a count above 255 says no more to BM25
COUNT_MASK = (1 << COUNT_BITS) - 1


class Bm25(Generic[Id]):
    """An index of entries by their words, for up to some 100,000 of them. One thread at a time.

    Invariants: a posting list is ascending, holds each live entry that has the word once, and exists only while it
    holds one, so that its length is the document frequency; a free slot is in no list and has length 0.
    """

    def __init__(self) -> None:
        self._postings: dict[str, array[int]] = {}
        self._slots: dict[Id, int] = {}
        self._ids: list[Id | None] = []
        self._words: list[tuple[str, ...]] = []  # distinct, by slot: what remove() has to undo
        self._lengths = array("I")  # words with repeats, by slot
        self._free: list[int] = []
        self._total = 0  # sum of lengths

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, entry: Id) -> bool:
        return entry in self._slots

    def add(self, entry: Id, words: Sequence[str]) -> None:
        """Enter an entry, in place of what it said before."""
        self.remove(entry)
        slot = self._new_slot()
        counts = Counter(words)
        for word, count in counts.items():
            posting = slot << COUNT_BITS | min(count, COUNT_MASK)
            insort(self._postings.setdefault(word, array("I")), posting)
        self._slots[entry] = slot
        self._ids[slot] = entry
        self._words[slot] = tuple(counts)
        self._lengths[slot] = len(words)
        self._total += len(words)

    def remove(self, entry: Id) -> None:
        """Forget an entry; every idf is then what it would be had it never come. Unknown ids are no error."""
        slot = self._slots.pop(entry, None)
        if slot is None:
            return
        for word in self._words[slot]:
            postings = self._postings[word]
            del postings[bisect_left(postings, slot << COUNT_BITS)]
            if not postings:
                del self._postings[word]
        self._total -= self._lengths[slot]
        self._ids[slot], self._words[slot], self._lengths[slot] = None, (), 0
        self._free.append(slot)

    def idf(self, word: str) -> float:
        """ln(1 + (N - n + ½) / (n + ½)) for n of N entries with the word: positive, largest for an unknown word."""
        having = len(self._postings.get(word, ()))
        return math.log1p((len(self) - having + 0.5) / (having + 0.5))

    def search(self, words: Iterable[str], k: int) -> list[tuple[Id, float]]:
        """The k best entries that share a word with the query, best first; equals keep one order."""
        scores = self._scores(words)
        hits = np.flatnonzero(scores)
        if len(hits) > k > 0:
            least = np.partition(scores[hits], -k)[-k]
            hits = hits[scores[hits] >= least]
        order = hits[np.argsort(-scores[hits], kind="stable")][: max(k, 0)]
        return [(entry, float(scores[slot])) for slot in order.tolist() if (entry := self._ids[slot]) is not None]

    def score(self, words: Iterable[str], entries: Sequence[Id]) -> NDArray[np.float64]:
        """BM25 of the query for the given entries, (len(entries),); 0 for one that shares no word or is unknown."""
        scores = self._scores(words)
        slots = [self._slots.get(entry, -1) for entry in entries]
        return np.array([scores[slot] if slot >= 0 else 0.0 for slot in slots], dtype=np.float64)

    def _scores(self, words: Iterable[str]) -> NDArray[np.float64]:
        scores = np.zeros(len(self._ids))
        if not self._total:
            return scores
        lengths = np.frombuffer(self._lengths, dtype=np.uint32)
        norms = K1 * (1 - B + B * lengths * (len(self) / self._total))
        for word in dict.fromkeys(words):
            postings = self._postings.get(word)
            if postings is None:
                continue
            packed = np.frombuffer(postings, dtype=np.uint32)
            slots, counts = packed >> COUNT_BITS, packed & COUNT_MASK
            scores[slots] += self.idf(word) * (K1 + 1) * counts / (counts + norms[slots])
        return scores

    def _new_slot(self) -> int:
        if self._free:
            return self._free.pop()
        self._ids.append(None)
        self._words.append(())
        self._lengths.append(0)
        return len(self._ids) - 1
