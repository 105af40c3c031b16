"""Words already met → their vectors, so that a word is cut into pieces once and then costs one lookup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lm.protocols import Matrix, Vector

UNKNOWN = 0  # the row of zeros


class Memory:
    """A fixed number of word vectors in one matrix.

    Invariants: row UNKNOWN is zero; a word's row, once given, does not change until `forget`.
    The matrix is reserved whole, and the system takes its pages only as they fill.
    """

    def __init__(self, vector: Callable[[str], Vector | None], *, dim: int, capacity: int) -> None:
        """`vector`: word → its vector, or None for a word without one."""
        self._vector = vector
        self._rows: dict[str, int] = {}
        self.vectors: Matrix = np.zeros((capacity + 1, dim), dtype=np.float32)
        self._used = UNKNOWN

    def has_room_for(self, words: int) -> bool:
        """Whether that many new words fit; known and unknown ones are remembered alike."""
        return len(self._rows) + words < len(self.vectors)

    def forget(self) -> None:
        self._rows.clear()
        self._used = UNKNOWN

    def rows(self, words: Iterable[str]) -> list[int]:
        """The row of each word in `vectors`; UNKNOWN for a word without a vector."""
        known = self._rows
        try:
            return [known[word] for word in words]  # the common case pays for no call per word
        except KeyError:
            return [known[word] if word in known else self._learn(word) for word in words]

    def _learn(self, word: str) -> int:
        vector = self._vector(word)
        row = UNKNOWN
        if vector is not None:
            self._used = row = self._used + 1
            self.vectors[row] = vector
        self._rows[word] = row
        return row
