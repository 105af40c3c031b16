"""Words as sparse vectors whose dot product, weighted by the store's IDF, is BM25."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from lm.lexical.tokens import words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

T = TypeVar("T")
K1 = 1.2  # how fast a repeated word stops counting
B = 0.75  # how much a long text is discounted
AVERAGE = 64.0  # words in a text, fixed so that no vector depends on the others. Measured: 56 in a Chinese title, 39 in
# an English name with description, 55 in a question with its answer. Above them all, because too small a value costs
# (MRR@10 of benchmarks/lexical.py: .807 at 24) and too large a one does not (.826 at 48, .830 at 96)


@dataclass(frozen=True, slots=True, eq=False)
class SparseVector:
    """Indices ascending and distinct, one value each; both empty for a text without words."""

    indices: NDArray[np.uint32]  # (n,)
    values: NDArray[np.float32]  # (n,)


def document(text: str, *, average: float = AVERAGE) -> SparseVector:
    """The term-frequency part of BM25, tf·(k1 + 1) / (tf + k1·(1 - b + b·length / average)), for every word of a text.

    The store multiplies by IDF (Qdrant: `Modifier.IDF`), which it knows for the documents it holds now.
    """
    found = words(text)
    return _vector(_weighted(Counter(map(index, found)), len(found), average))


def weights(text: str) -> dict[str, float]:
    """What `document` says of every distinct word of a text, in the text's order."""
    found = words(text)
    return _weighted(Counter(found), len(found), AVERAGE)


def query(text: str) -> SparseVector:
    """1 for every distinct word of a text."""
    return _vector({index(word): 1.0 for word in words(text)})


@lru_cache(maxsize=50_000)  # words of needs and of products come again and again
def index(word: str) -> int:
    """The 32-bit place of a word, the same in every process and release: CRC-32 of its UTF-8.

    Two words in one place are negligible: one pair among 350,000 words of Chinese reviews and titles and English
    product pages (chance alone would give 14; short words cannot collide).
    """
    return zlib.crc32(word.encode())


def _weighted(counts: Mapping[T, int], length: int, average: float) -> dict[T, float]:
    norm = K1 * (1 - B + B * length / average)
    return {word: n * (K1 + 1) / (n + norm) for word, n in counts.items()}


def _vector(values: dict[int, float]) -> SparseVector:
    order = sorted(values)
    return SparseVector(np.array(order, dtype=np.uint32), np.array([values[i] for i in order], dtype=np.float32))
