"""What is known of products by place, one array for each property: a million products are a few dozen numbers each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from recommender.domain.product import Position, Product, above

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int32]
_ROOM = 1024
T = TypeVar("T", bound=np.generic)


class Names:
    """Texts by number; 0 is the empty one. A number stays for ever."""

    def __init__(self) -> None:
        self.texts: list[str] = [""]
        self._numbers: dict[str, int] = {"": 0}

    def number(self, text: str) -> int:
        """Its number; a new one where there was none."""
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self.texts)
            self.texts.append(text)
            self._added(text, number)
        return number

    def chosen(self, texts: Iterable[str]) -> Flags:
        """Which numbers are those of the texts; by number."""
        flags = np.zeros(len(self.texts), dtype=bool)
        flags[[number for text in texts if (number := self._numbers.get(text)) is not None]] = True
        return flags

    def _added(self, text: str, number: int) -> None:
        """For those who keep more of a text."""


class Categories(Names):
    """Category ids, which lie in each other: `a/b` in `a`."""

    def __init__(self) -> None:
        super().__init__()
        self._below: dict[str, list[int]] = {}  # each category and those in it

    def chosen(self, texts: Iterable[str]) -> Flags:
        """Which numbers are those of the categories or lie in them; by number."""
        flags = np.zeros(len(self.texts), dtype=bool)
        for text in texts:
            flags[self._below.get(text, [])] = True
        return flags

    def _added(self, text: str, number: int) -> None:
        for category in above(text):
            self._below.setdefault(category, []).append(number)


class Columns:
    """Properties by place. All arrays are of the same length, and hold nothing for places without a product."""

    __slots__ = ("amount", "brand", "category", "currency", "in_stock", "log", "offset", "partition", "released",
                 "there")  # fmt: skip

    def __init__(self) -> None:
        self.there: Flags = np.zeros(_ROOM, dtype=bool)  # a product stands here now
        self.in_stock: Flags = np.zeros(_ROOM, dtype=bool)
        self.amount: NDArray[np.float64] = np.full(_ROOM, np.nan)  # in `currency`; NaN: none, and compares as such
        self.currency: Numbers = np.zeros(_ROOM, dtype=np.int32)  # numbers of names, 0: none
        self.brand: Numbers = np.zeros(_ROOM, dtype=np.int32)
        self.category: Numbers = np.zeros(_ROOM, dtype=np.int32)
        self.released: NDArray[np.int64] = np.zeros(_ROOM, dtype=np.int64)  # milliseconds since 1970; 0: not said
        # The record it was made from, also of products that are gone: number of the log's life (0: none), and where.
        self.log: Numbers = np.zeros(_ROOM, dtype=np.int32)
        self.partition: Numbers = np.zeros(_ROOM, dtype=np.int32)
        self.offset: NDArray[np.int64] = np.zeros(_ROOM, dtype=np.int64)

    def make_room(self, places: int) -> None:
        """Hold at least so many places."""
        room = len(self.there)
        if places > room:
            for name in self.__slots__:
                setattr(self, name, grown(getattr(self, name), max(places, 2 * room)))
            self.amount[room:] = np.nan


class Facts:
    """The columns of one shop together with the names that they number."""

    def __init__(self) -> None:
        self.columns = Columns()
        self.brands, self.currencies, self._logs = Names(), Names(), Names()
        self.categories = Categories()
        # Number → how many products there are now, so that nobody counts a million places for one word.
        self._of_brand, self._of_category, self._of_currency = Counter[int](), Counter[int](), Counter[int]()

    def put(self, place: int, product: Product, position: Position) -> None:
        """Take a product's newer state."""
        self.move(place, position)
        c = self.columns
        self._count(place, -1)
        c.there[place], c.in_stock[place] = True, product.in_stock
        c.amount[place] = np.nan if product.amount is None else float(product.amount)
        c.currency[place] = self.currencies.number(product.currency)
        c.brand[place] = self.brands.number(product.brand)
        c.category[place] = self.categories.number(product.category)
        c.released[place] = product.released
        self._count(place, 1)

    def remove(self, place: int, position: Position) -> None:
        """The product of a place is gone."""
        self.move(place, position)
        c = self.columns
        self._count(place, -1)
        c.there[place] = c.in_stock[place] = False
        c.amount[place] = np.nan
        c.currency[place] = c.brand[place] = c.category[place] = c.released[place] = 0

    def move(self, place: int, position: Position) -> None:
        """Note from which record a place is."""
        self.columns.make_room(place + 1)
        self.columns.log[place] = self._logs.number(position.log)
        self.columns.partition[place], self.columns.offset[place] = position.partition, position.offset

    def has_brand(self, name: str) -> bool:
        """Whether a product is of it."""
        return self.of_brands([name]) > 0

    def has_category(self, name: str) -> bool:
        """Whether a product is in it or below it."""
        return self.in_categories([name]) > 0

    def of_brands(self, names: Iterable[str]) -> int:
        """How many products are of any of them."""
        return sum(self._of_brand[number] for number in np.flatnonzero(self.brands.chosen(names)).tolist())

    def in_categories(self, names: Iterable[str]) -> int:
        """How many products are in any of them or below."""
        return sum(self._of_category[number] for number in np.flatnonzero(self.categories.chosen(names)).tolist())

    def sold_in(self) -> list[str]:
        """The currencies of prices, most used first."""
        used = sorted(self._of_currency.items(), key=lambda item: (-item[1], item[0]))
        return [self.currencies.texts[number] for number, count in used if number and count > 0]

    def _count(self, place: int, by: int) -> None:
        c = self.columns
        if c.there[place]:
            self._of_brand[int(c.brand[place])] += by
            self._of_category[int(c.category[place])] += by
            self._of_currency[int(c.currency[place])] += by

    def stamps(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """What `stamps` says of the positions of places."""
        c = self.columns
        logs = np.array([crc32(log.encode()) for log in self._logs.texts])
        return _stamps(logs[c.log[places]], c.partition[places].astype(np.int64), c.offset[places])

    def position(self, place: int) -> Position | None:
        """The record a place was made from; None: it was never put nor removed."""
        c = self.columns
        if place >= len(c.log) or not c.log[place]:
            return None
        return Position(self._logs.texts[c.log[place]], int(c.partition[place]), int(c.offset[place]))


def grown(column: NDArray[T], room: int) -> NDArray[T]:
    """The same with more room, of zeros that take no memory until they are written."""
    made: NDArray[T] = np.zeros((room, *column.shape[1:]), dtype=column.dtype)
    made[: len(column)] = column
    return made


def stamps(positions: Sequence[Position]) -> list[int]:
    """A short name of each position, the same in every process, to tell two states of a product apart."""
    rows = [(crc32(position.log.encode()), position.partition, position.offset) for position in positions]
    logs, partitions, offsets = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    found: list[int] = _stamps(logs, partitions, offsets).tolist()
    return found


def _stamps(logs: NDArray[np.int64], partitions: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    mixed: NDArray[np.int64] = (logs << 31) ^ (partitions << 20) ^ offsets
    return mixed
