"""Weighted words that are looked for, as a shop numbers them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Numbers = NDArray[np.int64]


class Sought(NamedTuple):
    """Words with the numbers that one shop's table gave them, which they keep: looked up once for all of a request."""

    numbers: Numbers  # of words that products have, or had, (n,), distinct
    weights: Values  # of each, (n,) > 0
    unknown: Values  # weights of the words that no product ever had, (m,) > 0

    def __bool__(self) -> bool:
        return bool(len(self.numbers) or len(self.unknown))


NOTHING = Sought(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))


def blended(one: Sought, other: Sought) -> Sought:
    """Words of two origins in equal parts: each taken to length one, then added."""
    parts = [_unit(each) for each in (one, other) if each]
    if len(parts) < 2:  # noqa: PLR2004 - nothing to add
        return parts[0] if parts else NOTHING
    numbers, which = np.unique(np.concatenate([part.numbers for part in parts]), return_inverse=True)
    weights = np.bincount(which, np.concatenate([part.weights for part in parts]), len(numbers))
    return Sought(numbers, weights.astype(np.float64), np.concatenate([part.unknown for part in parts]))


def _unit(words: Sought) -> Sought:
    length = np.sqrt(words.weights @ words.weights + words.unknown @ words.unknown)
    return Sought(words.numbers, words.weights / length, words.unknown / length)
