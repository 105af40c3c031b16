"""All that is known of one shop's products, in process, by place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from recommender.domain.bag import Bag
from recommender.domain.columns import Facts, Flags
from recommender.domain.graph import Graph
from recommender.domain.newest import Newest
from recommender.domain.product import Position, Product, naming
from recommender.domain.ragged import Ragged
from recommender.domain.reading.names import Names
from recommender.domain.spelling import Spelling
from recommender.domain.traits import Traits
from recommender.domain.trend import Trend
from recommender.domain.vectors import Vectors
from recommender.domain.words import WordTable

Matrix = NDArray[np.float32]
Places = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A product with what the models made of it."""

    product: Product
    vector: NDArray[np.float32]  # e_p, unit length or zero, (dim,)
    words: Bag
    position: Position
    named: Mapping[str, float] | None = None  # the words of its name with their weights; None: not read just now


class Shelf(Protocol):
    """Keeps whole products by place, for the few that are told; whatever decides about them stands in columns."""

    def put(self, place: int, product: Product) -> None: ...

    def remove(self, place: int) -> None:
        """None there is no error."""

    def at(self, place: int) -> Product:
        """Raises KeyError."""

    def record(self, place: int) -> bytes:
        """The product as the catalogue gave it, which costs less than to read it; raises KeyError."""


class Watcher(Protocol):
    """Keeps something made of products."""

    def touch(self, place: int) -> None:
        """The product of a place came, changed or went."""


class Held:
    """A shelf in memory."""

    def __init__(self) -> None:
        self._products: dict[int, Product] = {}

    def put(self, place: int, product: Product) -> None:
        self._products[place] = product

    def remove(self, place: int) -> None:
        self._products.pop(place, None)

    def at(self, place: int) -> Product:
        return self._products[place]

    def record(self, place: int) -> bytes:
        return self._products[place].record


class Shop:
    """Places of products, what stands at each, and the graph between them.

    Invariants: a product id keeps its place for ever, in every process (the store gives places out); an id that is only
    known from behaviour, or whose product is gone, has a place but is not `there`; a place whose id is not known here
    yet has the empty id.
    """

    def __init__(self, tenant: str, dim: int, shelf: Shelf | None = None) -> None:
        self.tenant = tenant
        self.ids: list[str] = []
        self.places: dict[str, int] = {}
        self.facts, self.vectors = Facts(), Vectors(dim)
        self.shelf: Shelf = Held() if shelf is None else shelf
        self.newest = Newest()
        self.watching: WeakSet[Watcher] = WeakSet()  # who keeps what is made of products
        self.words, self.graph, self.trend = WordTable(), Graph(), Trend()
        # Name and value of each attribute, in every language, and quantities that the title states; only the first
        # language's attributes weigh in what is alike.
        self.traits, self._traits = Traits(), Ragged()
        self.names, self.spelling = Names(), Spelling()  # for those who type

    @property
    def brands(self) -> NDArray[np.int32]:
        """Number of each place's brand; 0: none."""
        return self.facts.columns.brand

    @property
    def categories(self) -> NDArray[np.int32]:
        """Number of each place's category; 0: none."""
        return self.facts.columns.category

    def settle(self, place: int, product_id: str) -> None:
        """Learn where an id stands."""
        while len(self.ids) <= place:
            self.ids.append("")
        self.ids[place] = product_id
        self.places[product_id] = place
        self.facts.columns.make_room(len(self.ids))
        self.vectors.make_room(len(self.ids))

    def put(self, entry: Entry) -> None:
        """Take a product's newer state. It and those it links to have places."""
        product = entry.product
        place = self.places[product.key.product_id]
        self.shelf.put(place, product)
        self.newest.put(place, product.released)
        self._touch(place)
        self.facts.put(place, product, entry.position)
        self.vectors.put(place, entry.vector)
        self.words.put(place, entry.words)
        self.names.learn(product)
        self.spelling.learn(naming(product))
        first = dict.fromkeys(map(self.traits.number, _traits(product)))
        others = dict.fromkeys(number for number in self._further(product) if number not in first)
        self._traits.put(place, [*first, *others], np.repeat([1.0, 0.0], [len(first), len(others)]))
        self.graph.state(place, [(link.kind, self.places[link.product_id], link.weight) for link in product.links])

    def _further(self, product: Product) -> Iterator[int]:
        """Numbers of attributes in every language, and of the quantities in titles."""
        yield from map(self.traits.number, _in_other_languages(product))
        for title in product.title.values():
            yield from self.traits.of_title(title.lower())

    def remove(self, product_id: str, position: Position) -> None:
        """The product is gone; what people did with it stays."""
        place = self.places[product_id]
        self.facts.remove(place, position)
        self.shelf.remove(place)
        self.newest.remove(place)
        self._touch(place)
        self.words.put(place, None)
        self._traits.put(place, [], np.zeros(0))
        self.graph.state(place, [])

    def _touch(self, place: int) -> None:
        for watcher in self.watching:
            watcher.touch(place)

    def has(self, place: int) -> bool:
        """Whether a product stands at a place."""
        return place < len(self.ids) and bool(self.facts.columns.there[place])

    def product(self, product_id: str) -> Product | None:
        """The product of an id."""
        place = self.places.get(product_id)
        return None if place is None or not self.has(place) else self.shelf.at(place)

    def at(self, place: int) -> Product:
        """The product of a place that has one."""
        if not self.has(place):
            raise KeyError(place)
        return self.shelf.at(place)

    def record(self, place: int) -> bytes:
        """The product of a place that has one, as the catalogue gave it."""
        if not self.has(place):
            raise KeyError(place)
        return self.shelf.record(place)

    def brand(self, place: int) -> str:
        """The brand of a place; empty: none."""
        return self.facts.brands.texts[int(self.brands[place])]

    def entry(self, place: int) -> Entry | None:
        """The product of a place with what the models made of it; None: there is none."""
        position = self.facts.position(place)
        if position is None or not self.has(place):
            return None
        return Entry(self.shelf.at(place), self.vectors.at(place), self.words.bag(place), position)

    def known(self, ids: Iterable[str]) -> list[int]:
        """Places of those ids that are products now, in their order."""
        places = (self.places.get(product_id) for product_id in ids)
        return [place for place in places if place is not None and self.has(place)]

    def all(self) -> Places:
        """Every place where a product stands."""
        return np.flatnonzero(self.facts.columns.there)

    def having(self, places: Places, name: str, values: Iterable[str]) -> Flags:
        """Which of the places have an attribute of that name, with any of the values where some are given.

        In whatever language and case.
        """
        return self.having_any(places, self.traits.numbers(name, values))

    def having_any(self, places: Places, numbers: Sequence[int]) -> Flags:
        """Which of the places have any of the attributes of those numbers."""
        rows = self._traits.take(places)
        found: Flags = rows.sums(np.isin(rows.numbers, numbers)) > 0
        return found

    def overlap(self, places: Places, seeds: Sequence[int], shares: Values) -> Values:
        """How much each place has in common with the seeds: category .5, brand .3, attributes .2; (n,) in [0, 1].

        `shares` weigh the seeds and add up to 1.
        """
        of = np.asarray(seeds, dtype=np.int64)
        same: Values = np.zeros(len(places))
        for column, names, weight in (
            (self.categories, self.facts.categories, 0.5),
            (self.brands, self.facts.brands, 0.3),
        ):
            wanted = np.bincount(column[of], shares, len(names.texts))  # by number
            wanted[0] = 0.0  # nothing in common are those that have none
            same += weight * wanted[column[places]]
        theirs, own = self._traits.take(of), self._traits.take(places)
        wanted = np.bincount(theirs.numbers, theirs.weights * np.repeat(shares, theirs.lengths), len(self.traits))
        return same + 0.2 * own.dots(wanted.astype(np.float64)) / np.maximum(own.sums(own.weights), 1)

    def alike(self, place: int, seeds: Sequence[int]) -> Values:
        """How much one place has in common with each seed, as `overlap` counts it; (seeds,)."""
        of = np.asarray(seeds, dtype=np.int64)
        same: Values = np.zeros(len(of))
        for column, weight in ((self.categories, 0.5), (self.brands, 0.3)):
            if column[place]:
                same += weight * (column[of] == column[place])
        own, theirs = self._traits.take([place]), self._traits.take(of)
        weighing = own.numbers[own.weights > 0]
        shared = theirs.sums(theirs.weights * np.isin(theirs.numbers, weighing))
        return same + 0.2 * shared / max(len(weighing), 1)


def _traits(product: Product) -> Iterator[tuple[str, str]]:
    """Name and value of each attribute, in the first language it has."""
    return ((name.casefold(), next(iter(values.values())).casefold()) for name, values in product.attributes if values)


def _in_other_languages(product: Product) -> Iterator[tuple[str, str]]:
    return ((name.casefold(), value.casefold()) for name, values in product.attributes for value in values.values())
