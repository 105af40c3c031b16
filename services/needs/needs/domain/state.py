"""What is remembered of a person's behaviour: one row of fixed size, folded for a whole batch at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from needs.domain.identity import Names
from needs.domain.layouts import current
from needs.domain.weights import KINDS, Kinds, Times, Weights

RING = 20  # behaviours kept one by one: R_u
SEEN = 8  # impressions remembered by their event, so that one sent again is not counted again
CATEGORIES = 12  # strongest categories kept of what has left the ring
BRANDS = 16  # strongest brands
ATTRIBUTES = 16  # strongest values of attributes, such as `size=M`
FACETS = (("categories", "category"), ("brands", "brand"), ("attributes", "attribute"))  # columns of a row
LAYOUT = 2  # raised when a field changes; `layouts` reads older rows, one of a newer layout is read as none

Rows = NDArray[np.void]  # of row_type(dim)


def row_type(dim: int, tail: str = "<f2") -> np.dtype[np.void]:
    """The row of one person in a space of `dim` dimensions; times are milliseconds since 1970.

    Invariants: behaviour number i (from 0) lies in ring place i mod RING, so the ring holds the last min(kept, RING).
    `tail` is Σ of what has left the ring, each vector × weight × recency as of `tail_at` and of the last one that left;
    it is of the space named `space` and means nothing in another. float16 keeps three digits, which the decay forgets.
    """
    return np.dtype(
        [
            ("layout", "u1"),
            ("version", "<u4"),  # grows with every write that changes the row
            ("space", "<u8"),  # name of the space of `tail`
            ("kept", "<u4"),  # behaviours since the beginning, impressions left out
            ("last_at", "<i8"),  # time of the newest behaviour; 0: none
            ("products", "<u8", RING),
            ("times", "<i8", RING),
            ("weights", "<f4", RING),
            ("kinds", "u1", RING),
            ("events", "<u8", RING),
            ("seen", "<u8", SEEN),
            ("counts", "<u4", KINDS),  # by kind, since the beginning
            ("positive", "<u4"),  # how many behaviours of positive weight have left the ring
            ("categories", "<u8", CATEGORIES),  # of those: names, 0 is an empty place
            ("category_weights", "<f4", CATEGORIES),  # sum of weight × recency by time, as of `tail_at`
            ("category_counts", "<u2", CATEGORIES),
            ("brands", "<u8", BRANDS),
            ("brand_weights", "<f4", BRANDS),
            ("brand_counts", "<u2", BRANDS),
            ("attributes", "<u8", ATTRIBUTES),
            ("attribute_weights", "<f4", ATTRIBUTES),
            ("attribute_counts", "<u2", ATTRIBUTES),
            ("tail_at", "<i8"),  # newest time that has left the ring; 0: none
            ("tail", tail, dim),  # last, so that a row of another space has the same head
        ]
    )


@dataclass(frozen=True, slots=True, eq=False)
class Behaviors:
    """Columns of a batch in the order of the log, one place per behaviour."""

    offsets: Times
    people: NDArray[np.int64]  # row of the person
    products: Names
    kinds: Kinds
    times: Times
    weights: Weights
    events: Names

    def __len__(self) -> int:
        return len(self.people)

    def take(self, which: NDArray[Any]) -> Self:
        """Those of a mask, or those at these places in their order."""
        return type(self)(*(getattr(self, column.name)[which] for column in fields(self)))


def decode_rows(blobs: Sequence[bytes | None], dtype: np.dtype[np.void], space: int) -> Rows:
    """Rows as stored, writable; none, or of a newer layout: an empty one. The tail of another space is dropped."""
    size, head = dtype.itemsize, dtype.fields["tail"][1] if dtype.fields else 0
    empty = bytes(size)
    rows = np.frombuffer(bytearray().join(_fitted(blob, size, head) or empty for blob in blobs), dtype)
    unread = (rows["layout"] != LAYOUT) & (rows["layout"] != 0)
    rows[unread] = np.zeros(1, dtype)
    rows["layout"] = LAYOUT
    foreign = rows["space"] != space
    if foreign.any():
        rows["tail"][foreign] = 0
        rows["space"] = space
    return rows


def decode_row(blob: bytes | None, dtype: np.dtype[np.void], space: int) -> Rows:
    """One row as stored, (), to be read alone; else like `decode_rows`."""
    if blob is not None and len(blob) == dtype.itemsize:
        row: Rows = np.frombuffer(blob, dtype)[0]
        if row["layout"] == LAYOUT and row["space"] == space:
            return row
    read: Rows = decode_rows([blob], dtype, space)[0]
    return read


def encode_rows(rows: Rows) -> list[bytes]:
    """Each row as it is stored."""
    size = rows.dtype.itemsize
    flat = rows.tobytes()
    return [flat[start : start + size] for start in range(0, len(flat), size)]


def _fitted(blob: bytes | None, size: int, head: int) -> bytes | None:
    """A row written with another dimension has the same head and a tail of no use here."""
    if blob is None:
        return None
    blob = current(blob)
    if len(blob) == size:
        return blob
    return blob[:head] + bytes(size - head) if len(blob) >= head else None
