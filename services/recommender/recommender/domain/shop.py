"""All that is known of one shop's products, in process, by place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.domain.graph import Graph
from recommender.domain.product import Position, Product, above
from recommender.domain.ragged import Ragged
from recommender.domain.trend import Trend
from recommender.domain.words import Bag, WordTable

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


class Shop:
    """Places of products, what stands at each, and the graph between them.

    Invariants: a product id keeps its place for ever, in every process (the store gives places out); an id that is only
    known from behaviour, or whose product is gone, has a place but no entry; a place whose id is not known here yet has
    the empty id.
    """

    def __init__(self, tenant: str, dim: int) -> None:
        self.tenant = tenant
        self.ids: list[str] = []
        self.places: dict[str, int] = {}
        self.entries: list[Entry | None] = []
        self.vectors: Matrix = np.zeros((1024, dim), dtype=np.float32)
        self.brands: Places = np.zeros(1024, dtype=np.int64)  # 0: none
        self.categories: Places = np.zeros(1024, dtype=np.int64)
        self.words, self.graph, self.trend = WordTable(), Graph(), Trend()
        self._facets: dict[str, int] = {"": 0}
        self._traits, self._trait_numbers = Ragged(), {("", ""): 0}  # name and value of each attribute

    def settle(self, place: int, product_id: str) -> None:
        """Learn where an id stands."""
        while len(self.ids) <= place:
            self.ids.append("")
            self.entries.append(None)
        self.ids[place] = product_id
        self.places[product_id] = place
        self._make_room()

    def put(self, entry: Entry) -> None:
        """Take a product's newer state. It and those it links to have places."""
        product = entry.product
        place = self.places[product.key.product_id]
        self.entries[place] = entry
        self.vectors[place] = entry.vector
        self.brands[place] = self._facet(product.brand)
        self.categories[place] = self._facet(product.category)
        self.words.put(place, entry.words)
        traits = list(dict.fromkeys(map(self._trait, _traits(product))))
        self._traits.put(place, traits, np.ones(len(traits)))
        self.graph.state(place, [(link.kind, self.places[link.product_id], link.weight) for link in product.links])

    def remove(self, product_id: str) -> None:
        """The product is gone; what people did with it stays."""
        place = self.places[product_id]
        self.entries[place] = None
        self.words.put(place, None)
        self._traits.put(place, [], np.zeros(0))
        self.graph.state(place, [])

    def product(self, product_id: str) -> Product | None:
        """The product of an id."""
        place = self.places.get(product_id)
        entry = None if place is None else self.entries[place]
        return None if entry is None else entry.product

    def at(self, place: int) -> Product:
        """The product of a place that has one."""
        entry = self.entries[place]
        if entry is None:
            raise KeyError(place)
        return entry.product

    def known(self, ids: Iterable[str]) -> list[int]:
        """Places of those ids that are products now, in their order."""
        places = (self.places.get(product_id) for product_id in ids)
        return [place for place in places if place is not None and self.entries[place] is not None]

    def overlap(self, places: Places, seeds: Sequence[int], shares: Values) -> Values:
        """How much each place has in common with the seeds: category .5, brand .3, attributes .2; (n,) in [0, 1].

        `shares` weigh the seeds and add up to 1.
        """
        of = np.asarray(seeds, dtype=np.int64)
        same: Values = np.zeros(len(places))
        for column, weight in ((self.categories, 0.5), (self.brands, 0.3)):
            mine = column[places][:, None]
            same += weight * (((mine == column[of][None, :]) & (mine != 0)) @ shares)
        theirs, own = self._traits.take(of), self._traits.take(places)
        wanted = np.bincount(
            theirs.numbers, theirs.weights * np.repeat(shares, theirs.lengths + 1), len(self._trait_numbers)
        )
        return same + 0.2 * own.sums(own.weights * wanted[own.numbers]) / np.maximum(own.lengths, 1)

    def alike(self, place: int, seeds: Sequence[int]) -> Values:
        """How much one place has in common with each seed, as `overlap` counts it; (seeds,)."""
        of = np.asarray(seeds, dtype=np.int64)
        same: Values = np.zeros(len(of))
        for column, weight in ((self.categories, 0.5), (self.brands, 0.3)):
            if column[place]:
                same += weight * (column[of] == column[place])
        own, theirs = self._traits.numbers(place), self._traits.take(of)
        shared = theirs.sums(theirs.weights * np.isin(theirs.numbers, own))
        return same + 0.2 * shared / max(len(own), 1)

    def _facet(self, name: str) -> int:
        return self._facets.setdefault(name, len(self._facets))

    def _trait(self, named: tuple[str, str]) -> int:
        return self._trait_numbers.setdefault(named, len(self._trait_numbers))

    def _make_room(self) -> None:
        while len(self.ids) > len(self.vectors):
            self.vectors = np.concatenate([self.vectors, np.zeros_like(self.vectors)])
            self.brands = np.concatenate([self.brands, np.zeros_like(self.brands)])
            self.categories = np.concatenate([self.categories, np.zeros_like(self.categories)])


@dataclass(frozen=True, slots=True)
class Allowed:
    """Which products may be offered; empty means all."""

    categories: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    currency: str = ""
    most: float | None = None  # price, in `currency`
    out_of_stock: bool = False  # offered too
    seen: bool = False  # offered too

    def why_not(self, product: Product) -> str:
        """What keeps a product from being offered; empty: nothing."""
        if not (self.out_of_stock or product.in_stock):
            return "out of stock"
        if self.brands and product.brand not in self.brands:
            return "brand"
        if self.categories and self.categories.isdisjoint(above(product.category)):
            return "category"
        if self.most is not None and (
            product.amount is None or product.currency != self.currency or float(product.amount) > self.most
        ):
            return "price"
        return ""


def _traits(product: Product) -> Iterator[tuple[str, str]]:
    """Name and value of each attribute, in the first language it has."""
    return ((name, next(iter(values.values()))) for name, values in product.attributes if values)
