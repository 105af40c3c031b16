"""The products that came last, so that what nobody has seen yet can be offered too."""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right, insort

LOOKED_AT = 400  # twice what a reply holds at most
_HELD = 10 * LOOKED_AT  # what will be on sale only later is the newest of all, and must not displace the others
_Aged = tuple[int, int]  # when, negative: newest first; place


class Newest:
    """Places by when their products were released, as many of the newest as are held.

    Invariant: no product that is not held is newer than one that is, unless some that were held are gone; then older
    ones take their places as soon as they are put again. One without a time is not held.
    """

    def __init__(self) -> None:
        self._order: list[_Aged] = []
        self._at: dict[int, int] = {}

    def put(self, place: int, released: int) -> None:
        """Milliseconds since 1970; 0: not known."""
        self.remove(place)
        if not released or (len(self._order) >= _HELD and -released > self._order[-1][0]):
            return
        insort(self._order, (-released, place))
        self._at[place] = released
        if len(self._order) > _HELD:
            del self._at[self._order.pop()[1]]

    def remove(self, place: int) -> None:
        """None there is no error."""
        released = self._at.pop(place, None)
        if released is not None:
            del self._order[bisect_left(self._order, (-released, place))]

    def reaches(self, at: int) -> bool:
        """Whether all that were released at that time or later are held."""
        return len(self._order) < _HELD or -self._order[-1][0] < at

    def later(self, now: int) -> int:
        """How many of those held will be on sale only later."""
        return bisect_left(self._order, (-now, 0))

    def since(self, at: int, most: int, until: int | None = None) -> list[int]:
        """The places of those released at that time or later, and not after `until`, newest first."""
        start, end = 0 if until is None else self.later(until), bisect_right(self._order, (-at, sys.maxsize))
        return [place for _, place in self._order[start : min(end, start + most)]]
