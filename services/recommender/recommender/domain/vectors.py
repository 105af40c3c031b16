"""The vectors of a shop's products in half the memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recommender.domain.columns import grown

Vector = NDArray[np.float32]
Matrix = NDArray[np.float32]
Places = NDArray[np.int64]

FLAT = 20_000  # vectors that are all looked at, 0.6 ms; from there on an index is faster
_BLOCK = 4_096  # vectors that are made floats at once: 100,000 in a fifth of the time of all together
_ROOM = 1024
_ONE = np.float32(32_767)  # what 1.0 is kept as


def packed(vector: Vector) -> bytes:
    """A vector as `Vectors` keeps it."""
    return _whole(vector).astype("<i2").tobytes()


def unpacked(blob: bytes) -> Vector:
    """A vector from what `packed` made of it."""
    vector: Vector = np.frombuffer(blob, dtype="<i2").astype(np.float32)
    vector /= _ONE
    return vector


def rounded(vectors: Matrix) -> Matrix:
    """As `Vectors` gives them back, so that others are told the same before and after a restart."""
    return unpacked(packed(vectors)).reshape(vectors.shape)


class Vectors:
    """One vector of at most unit length per place, kept as 16-bit integers and read as float32.

    A component is off by at most 1.6e-5, a cosine by about 1e-5: a tenth of what float16 would lose, and numpy turns
    integers into floats faster.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._rows: NDArray[np.int16] = np.zeros((_ROOM, dim), dtype=np.int16)
        self._floats: Matrix | None = None  # the same, while there are few and somebody looks at all

    def make_room(self, places: int) -> None:
        """Hold at least so many places."""
        if places > len(self._rows):
            self._rows = grown(self._rows, max(places, len(self._rows) * 3 // 2))

    def put(self, place: int, vector: Vector) -> None:
        """Take the vector of a place."""
        self._rows[place] = _whole(vector)
        if self._floats is not None:
            if place < len(self._floats) <= FLAT:
                self._floats[place] = self._rows[place] / _ONE
            else:
                self._floats = None

    def at(self, place: int) -> Vector:
        """The vector of a place, (dim,)."""
        vector: Vector = self._rows[place].astype(np.float32)
        vector /= _ONE
        return vector

    def take(self, places: Sequence[int] | Places) -> Matrix:
        """Those of some places, (n, dim)."""
        rows = self._rows[np.asarray(places, dtype=np.int64)].astype(np.float32)
        rows /= _ONE
        return rows

    def cosines(self, places: Sequence[int] | Places, vector: Vector) -> Vector:
        """Of the vectors of some places with a vector of unit length, (n,)."""
        at, scaled = np.asarray(places, dtype=np.int64), vector / _ONE
        if len(at) <= _BLOCK:
            few: Vector = self._rows[at].astype(np.float32) @ scaled
            return few
        blocks = (self._rows[at[start : start + _BLOCK]] for start in range(0, len(at), _BLOCK))
        return np.concatenate([block.astype(np.float32) @ scaled for block in blocks])

    def cosines_of_all(self, places: int, vector: Vector) -> Vector:
        """Of the vectors of the first so many places, (places,)."""
        if places > FLAT:
            blocks = (self._rows[start : min(start + _BLOCK, places)] for start in range(0, places, _BLOCK))
            scaled = vector / _ONE
            return np.concatenate([block.astype(np.float32) @ scaled for block in blocks])
        if self._floats is None or len(self._floats) < places:
            self._floats = self._rows[: min(FLAT, len(self._rows))].astype(np.float32)
            self._floats /= _ONE
        found: Vector = self._floats[:places] @ vector
        return found


def _whole(vectors: Matrix) -> Matrix:
    """Whole numbers from -32,767 to 32,767."""
    within = np.minimum(np.maximum(vectors, np.float32(-1.0)), np.float32(1.0))  # `clip` takes three times as long
    whole: Matrix = np.rint(within * _ONE)
    return whole
