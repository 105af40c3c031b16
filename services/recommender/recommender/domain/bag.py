"""The words of one product, with their weights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Bag(NamedTuple):
    """Weighted words."""

    words: NDArray[np.uint32]  # (n,) 32-bit names, distinct
    weights: NDArray[np.float32]  # (n,) > 0


def packed(bag: Bag) -> bytes:
    """Words as bytes: names, then weights."""
    return bag.words.astype("<u4").tobytes() + bag.weights.astype("<f4").tobytes()


def unpacked(blob: bytes) -> Bag:
    """Words from what `packed` made of them."""
    half = len(blob) // 2
    return Bag(np.frombuffer(blob[:half], dtype="<u4"), np.frombuffer(blob[half:], dtype="<f4"))


EMPTY = Bag(np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.float32))
