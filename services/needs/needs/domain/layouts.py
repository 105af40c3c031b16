"""Rows that an earlier release wrote → rows as they are now, so that an upgrade forgets nothing.

Each step is of two layouts that no longer change, so its numbers of bytes stand for good.
"""

from __future__ import annotations

_COUNTS_END_1, _TAIL_AT_1 = 713, 1_109  # bytes of layout 1 before `positive`, and before `tail_at`
_MORE_COUNTS, _ATTRIBUTES = 5 * 4, 16 * (8 + 4 + 2)  # bytes that layout 2 has more


def current(blob: bytes) -> bytes:
    """A row of layout 1 has no places for later kinds, and counted no attributes of what has left the ring."""
    if blob[:1] != b"\x01":
        return blob
    counted = b"\x02" + blob[1:_COUNTS_END_1] + bytes(_MORE_COUNTS)
    return counted + blob[_COUNTS_END_1:_TAIL_AT_1] + bytes(_ATTRIBUTES) + blob[_TAIL_AT_1:]
