"""Products as the catalogue gave them, in a file without a name: the memory of a process is for what decides."""

from __future__ import annotations

import errno
import os
import tempfile
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from recommender.domain.columns import grown
from recommender.domain.product import Product

_HELD = 5_000  # products that were read last: replies pass on what lies in the file, unread
_ROOM = 1024
_STEP = 64  # bytes that the room of a record is a multiple of: the next record of a product is hardly longer
_SPARE = 16 * 1024 * 1024  # bytes of old records beyond as many as there are new ones, before the file is written anew


class FileShelf:
    """The file is gone with the process, whose store has every record too.

    Invariants: the record of a place is `_lengths[place]` bytes from `_starts[place]` on; length 0: there is none.
    Up to `_rooms[place]` bytes may lie there, and no other record does.
    """

    def __init__(self, parse: Callable[[bytes], Product]) -> None:
        self._parse = parse
        self._file = tempfile.TemporaryFile(prefix="attune-products-")  # noqa: SIM115 - for the life of the shelf
        self._starts: NDArray[np.int64] = np.zeros(_ROOM, dtype=np.int64)
        self._lengths: NDArray[np.int32] = np.zeros(_ROOM, dtype=np.int32)
        self._rooms: NDArray[np.int32] = np.zeros(_ROOM, dtype=np.int32)
        self._end, self._held = 0, 0  # bytes: given out, and of the rooms of records that stand
        self._recent: OrderedDict[int, Product] = OrderedDict()

    def put(self, place: int, product: Product) -> None:
        if place >= len(self._starts):
            room = 2 * place
            self._starts, self._lengths = grown(self._starts, room), grown(self._lengths, room)
            self._rooms = grown(self._rooms, room)
        size = len(product.record)
        fits = size <= self._rooms[place]
        start = int(self._starts[place]) if fits else self._end
        # First: on a full disk what was there before stays. With all its room, or the next one might find none there.
        _write(self._file.fileno(), product.record if fits else product.record.ljust(_room(size), b"\0"), start)
        self._recent.pop(place, None)
        if fits:
            self._lengths[place] = size
            return
        self._held -= int(self._rooms[place])
        self._starts[place], self._lengths[place], self._rooms[place] = start, size, _room(size)
        self._end += _room(size)
        self._held += _room(size)
        if self._end > 2 * self._held + _SPARE:
            self._close_up()

    def remove(self, place: int) -> None:
        if place < len(self._lengths):
            self._held -= int(self._rooms[place])
            self._lengths[place] = self._rooms[place] = 0
        self._recent.pop(place, None)

    def at(self, place: int) -> Product:
        product = self._recent.get(place)
        if product is not None:
            self._recent.move_to_end(place)
            return product
        product = self._recent[place] = self._parse(self._read(place))
        if len(self._recent) > _HELD:
            self._recent.popitem(last=False)
        return product

    def record(self, place: int) -> bytes:
        product = self._recent.get(place)
        return self._read(place) if product is None else product.record

    def _read(self, place: int) -> bytes:
        """Raises KeyError."""
        length = self._lengths.item(place) if place < len(self._lengths) else 0
        if not length:
            raise KeyError(place)
        return os.pread(self._file.fileno(), length, self._starts.item(place))

    def _close_up(self) -> None:
        """Write those that stand into a new file; a million take two seconds, once in as many that have grown."""
        standing = np.flatnonzero(self._lengths).tolist()
        records = ((place, self._read(place)) for place in standing)
        before, made = self._file, tempfile.TemporaryFile(prefix="attune-products-")  # noqa: SIM115 - as above
        starts, end = self._starts.copy(), 0
        try:
            for place, record in records:
                _write(made.fileno(), record.ljust(int(self._rooms[place]), b"\0"), end)
                starts[place] = end
                end += int(self._rooms[place])
        except OSError:  # no room for both: the old one goes on
            made.close()
            return
        self._file, self._starts, self._end, self._held = made, starts, end, end
        before.close()


def _room(size: int) -> int:
    """Bytes for a record of that size and one that is somewhat longer."""
    return -(-size // _STEP) * _STEP


def _write(file: int, record: bytes, at: int) -> None:
    """Raises OSError where the disk has no room for all of it."""
    if os.pwrite(file, record, at) < len(record):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
