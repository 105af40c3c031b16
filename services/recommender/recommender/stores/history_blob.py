"""A person's history as bytes: 24 per product, in the order of first meetings, and 8 per event remembered."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from recommender.domain.history import History, Item

_HEAD = struct.Struct("<BI")  # version of this form, turns
_COUNT = struct.Struct("<B")  # of events; not in form 1
_ITEM = struct.Struct("<IIIIq")  # place, done, turn, wish, at
_VERSION, _WITHOUT_EVENTS = 2, 1


class ForeignForm(Exception):
    """The bytes were written by a release that this one cannot read."""

    def __init__(self, version: int) -> None:
        super().__init__(f"a history of form {version} cannot be read by this release; use the one that wrote it")


def dump(history: History) -> bytes:
    """The history as bytes."""
    items: Iterable[bytes] = (
        _ITEM.pack(place, item.done, item.turn, item.wish, item.at) for place, item in history.items.items()
    )
    events = struct.pack(f"<B{len(history.events)}Q", len(history.events), *history.events)
    return _HEAD.pack(_VERSION, history.turns) + events + b"".join(items)


def load(blob: bytes) -> History:
    """Raises ForeignForm."""
    version, turns = _HEAD.unpack_from(blob)
    start, events = _HEAD.size, ()
    if version == _VERSION:
        (count,) = _COUNT.unpack_from(blob, start)
        events = struct.unpack_from(f"<{count}Q", blob, start + _COUNT.size)
        start += _COUNT.size + 8 * count
    elif version != _WITHOUT_EVENTS:
        raise ForeignForm(version)
    items = {
        place: Item(done, turn, wish, at) for place, done, turn, wish, at in _ITEM.iter_unpack(memoryview(blob)[start:])
    }
    wishes = sorted((item.wish, place) for place, item in items.items() if item.wish)
    return History(items, [place for _, place in wishes], turns, list(events))
