"""What several lists of places say of each place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse._sparsetools import csc_matvec  # as in `ragged.py`

Hits = NDArray[np.int32]
Places = NDArray[np.int64]
Values = NDArray[np.float64]
Sums = NDArray[np.float32]

_ONES = 32_768


class Marks:
    """A sum per place that costs what is listed, not what there is.

    Invariant: between two calls every sum is 0; `_last` means nothing then.
    """

    def __init__(self) -> None:
        self._sums: Sums = np.zeros(1024, dtype=np.float32)  # by place; half as wide, half the misses
        self._last: Hits = np.zeros(1024, dtype=np.int32)  # by place: where it was listed last
        self._ones: Sums = np.ones(_ONES, dtype=np.float32)

    def together(self, lists: Sequence[Hits], weights: Values) -> tuple[Places, Sums]:
        """Every place that is listed, once, with the weights of its lists added up; in no order.

        What a list says twice counts twice.
        """
        listed = np.concatenate(lists)
        count = len(listed)
        self._make_room(int(listed.max(initial=0)) + 1, count)
        ends: Hits = np.zeros(len(lists) + 1, dtype=np.int32)
        np.cumsum([len(each) for each in lists], out=ends[1:])
        csc_matvec(
            len(self._sums), len(lists), ends, listed, self._ones[:count], weights.astype(np.float32), self._sums
        )
        order = np.arange(count, dtype=np.int32)
        self._last[listed] = order
        places = listed[self._last[listed] == order]
        sums = self._sums[places]
        self._sums[places] = 0.0
        return places.astype(np.int64), sums

    def _make_room(self, places: int, listed: int) -> None:
        if places > len(self._sums):
            self._sums = np.zeros(2 * places, dtype=np.float32)
            self._last = np.zeros(2 * places, dtype=np.int32)
        if listed > len(self._ones):
            self._ones = np.ones(2 * listed, dtype=np.float32)
