"""A person's history as bytes: 24 per product, in the order of first meetings, 8 per event, 10 per purchase."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from recommender.domain.history import Done, History, Item

_HEAD = struct.Struct("<BI")  # version of this form, turns
_COUNT = struct.Struct("<B")  # of events; not in form 1
_ITEM = struct.Struct("<IIIIq")  # place, done, turn, wish, at
_PURCHASES, _PURCHASE = (
    struct.Struct("<H"),
    struct.Struct("<Hq"),
)  # which product, when; not before form 3
_VERSION, _WITHOUT_PURCHASES, _WITHOUT_EVENTS = 3, 2, 1


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
    bought = [_PURCHASE.pack(index, item.bought) for index, item in enumerate(history.items.values()) if item.bought]
    return b"".join([_HEAD.pack(_VERSION, history.turns), events, _PURCHASES.pack(len(bought)), *bought, *items])


def load(blob: bytes) -> History:
    """Raises ForeignForm."""
    version, turns = _HEAD.unpack_from(blob)
    start, events = _HEAD.size, ()
    if version in {_VERSION, _WITHOUT_PURCHASES}:
        (count,) = _COUNT.unpack_from(blob, start)
        events = struct.unpack_from(f"<{count}Q", blob, start + _COUNT.size)
        start += _COUNT.size + 8 * count
    elif version != _WITHOUT_EVENTS:
        raise ForeignForm(version)
    purchases: dict[int, int] = {}
    if version == _VERSION:
        (count,) = _PURCHASES.unpack_from(blob, start)
        start, end = start + _PURCHASES.size, start + _PURCHASES.size + _PURCHASE.size * count
        purchases = dict(_PURCHASE.iter_unpack(memoryview(blob)[start:end]))
        start = end
    items = {
        place: Item(done, turn, wish, at, purchases.get(index, 0))
        for index, (place, done, turn, wish, at) in enumerate(_ITEM.iter_unpack(memoryview(blob)[start:]))
    }
    if version != _VERSION:  # whoever bought did so at the latest when they last had to do with it
        for item in items.values():
            item.bought = item.at if item.done & Done.BOUGHT else 0
    wishes = sorted((item.wish, place) for place, item in items.items() if item.wish)
    return History(items, [place for _, place in wishes], turns, list(events))
