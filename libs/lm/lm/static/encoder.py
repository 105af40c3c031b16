"""Texts → unit vectors by adding word vectors: the article's mean of word embeddings, without torch."""

from __future__ import annotations

from itertools import accumulate, chain
from threading import Lock
from typing import TYPE_CHECKING, Self

import numpy as np

from lm import lexicon as shop_lexicon
from lm.static import table as tables
from lm.static.memory import UNKNOWN, Memory
from lm.static.wordpiece import pieces
from lm.static.words import Splitter, fold, latin_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lm.protocols import Matrix, Vector
    from lm.static.table import Table

_REMEMBERED = 32_768  # words, 1 KB each at 256 dimensions; enough for a shop's running vocabulary
_TOGETHER = 4_096  # words gathered at once: 4 MB stays in cache, and bounds memory whatever the batch


class StaticEncoder:
    """An Encoder whose text vector is the sum of its words' vectors, scaled to length one.

    Chinese is read through the lexicon: each entry, longest match first, counts as its English words do;
    what no entry covers says nothing. Only the first `words.LONGEST_TEXT` characters of a text are read.
    Safe to share between threads.
    """

    def __init__(self, table: Table, lexicon: Mapping[str, str]) -> None:
        """`lexicon`: Chinese → English words."""
        self._table = table
        self._meanings = {fold(chinese): fold(english) for chinese, english in lexicon.items()}
        self._split = Splitter(self._meanings)
        self._memory = Memory(self._vector, dim=self.dim, capacity=_REMEMBERED)
        self._lock = Lock()  # the memory is written by whoever meets a new word

    @classmethod
    def load(cls) -> Self:
        """The encoder that ships: the packaged table and the packaged shop lexicon."""
        return cls(tables.load(), shop_lexicon.load())

    @property
    def space(self) -> str:
        return self._table.space

    @property
    def dim(self) -> int:
        return int(self._table.rows.shape[1])

    def encode(self, texts: Sequence[str]) -> Matrix:
        """One unit row per text, (len(texts), dim), zero where no word is known.

        A text has the same row alone as in any batch.
        """
        sums = np.zeros((len(texts), self.dim), dtype=np.float32)
        start = 0
        for batch in _batches(self._split(fold(text)) for text in texts):
            end = start + len(batch)
            sums[start:end] = self._sums(batch)
            start = end
        lengths: Matrix = np.linalg.norm(sums, axis=1, keepdims=True)
        np.divide(sums, lengths, out=sums, where=lengths > 0)
        return sums

    def _sums(self, batch: Sequence[Sequence[str]]) -> Matrix:
        """Σ of each text's word vectors, (len(batch), dim)."""
        with self._lock:
            if not self._memory.has_room_for(sum(map(len, batch))):
                self._memory.forget()
            # reduceat has no empty segments, so every text opens with the row of zeros.
            rows = [[UNKNOWN, *self._memory.rows(words)] for words in batch]
            vectors = self._memory.vectors[list(chain.from_iterable(rows))]
        starts = [0, *accumulate(map(len, rows[:-1]))]
        return np.add.reduceat(vectors, starts, axis=0)

    def _vector(self, word: str) -> Vector | None:
        """A Latin word as the sum of its pieces, a lexicon entry as the sum of its English words."""
        words = latin_words(self._meanings.get(word, word))
        rows = [row for each in words for row in pieces(each, self._table.vocabulary)]
        return self._table.vector(rows) if rows else None


def _batches(texts: Iterable[list[str]]) -> Iterator[list[list[str]]]:
    """Consecutive texts of about `_TOGETHER` words in all; a longer text stands alone."""
    batch: list[list[str]] = []
    words = 0
    for text in texts:
        batch.append(text)
        words += len(text) + 1
        if words >= _TOGETHER:
            yield batch
            batch, words = [], 0
    if batch:
        yield batch
