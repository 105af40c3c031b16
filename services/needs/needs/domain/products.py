"""What needs are made of: the vector, words and facets of every product, in process."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from needs.domain.identity import Names, name, product_name

UNKNOWN = 0  # place of the unknown product
ATTRIBUTES = 6  # of a product, by name, that are still counted when it has left the ring
_FIRST_PLACES = 1024


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Where in the log a record stood; offsets of two lives of the log are never compared."""

    log: str = ""
    partition: int = 0
    offset: int = -1

    def follows(self, other: LogPosition) -> bool:
        """Whether this is later, or of another life, which is taken for later."""
        return (self.log, self.partition) != (other.log, other.partition) or self.offset > other.offset


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """A product as needs see it."""

    tenant: str
    product_id: str
    vector: NDArray[np.float32] | None  # unit length or zero, (dim,); None: not known in this space
    words: tuple[tuple[str, float], ...] = ()  # together of unit length
    category: str = ""
    brand: str = ""
    currency: str = ""  # ISO 4217; empty: no price
    amount: str = ""  # decimal number
    attributes: Mapping[str, str] = field(default_factory=dict)
    position: LogPosition = field(default_factory=LogPosition)


def unit_words(words: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Weights scaled to length one, so that a long name says no more than a short one; only those above 0."""
    positive = {word: weight for word, weight in words.items() if weight > 0 and math.isfinite(weight)}
    length = math.sqrt(sum(weight * weight for weight in positive.values()))
    return tuple((word, weight / length) for word, weight in positive.items())


def attribute(name: str, value: str) -> str:
    """How an attribute is counted."""
    return f"{name}={value}"


class ProductTable:
    """Products by tenant and id, and by their 64-bit name; as columns for the fold.

    Invariants: a product keeps its place for the life of the process; place 0 is the unknown product, whose vector is
    zero and whose facets are none. A product that is gone stays: it still says what people wanted.
    """

    def __init__(self, dim: int) -> None:
        self.vectors: NDArray[np.float32] = np.zeros((_FIRST_PLACES, dim), dtype=np.float32)
        self.categories: Names = np.zeros(_FIRST_PLACES, dtype=np.uint64)
        self.brands: Names = np.zeros(_FIRST_PLACES, dtype=np.uint64)
        self.attributes: Names = np.zeros((_FIRST_PLACES, ATTRIBUTES), dtype=np.uint64)
        self._products: list[Product | None] = [None]
        self._names: dict[str, dict[str, int]] = {}  # tenant → product id → name
        self._places: dict[int, int] = {}  # name → place
        self._facets: dict[int, str] = {0: ""}

    def __len__(self) -> int:
        return len(self._places)

    def put(self, product: Product) -> None:
        """Add a product, or take its newer state."""
        key = self._names.setdefault(product.tenant, {}).get(product.product_id)
        if key is None:
            key = product_name(product.tenant, product.product_id)
            self._names[product.tenant][product.product_id] = key
            self._places[key] = len(self._products)
            self._products.append(None)
            self._make_room()
        place = self._places[key]
        self._products[place] = product
        self.vectors[place] = 0 if product.vector is None else product.vector
        self.categories[place] = self._facet(product.category)
        self.brands[place] = self._facet(product.brand)
        told = [self._facet(attribute(*each)) for each in sorted(product.attributes.items())[:ATTRIBUTES]]
        self.attributes[place] = told + [0] * (ATTRIBUTES - len(told))

    def name_of(self, tenant: str, product_id: str) -> int | None:
        """The 64-bit name of a known product."""
        of_tenant = self._names.get(tenant)
        return None if of_tenant is None else of_tenant.get(product_id)

    def names_of(self, tenants: Sequence[str], products: Sequence[str]) -> Names:
        """(n,) the 64-bit name of each; 0 where the product is not known."""
        if len(set(tenants)) == 1:
            find = self._names.get(tenants[0], {}).get
            return np.array([find(product, 0) for product in products], dtype=np.uint64)
        found = (self._names.get(tenant, {}).get(product, 0) for tenant, product in zip(tenants, products, strict=True))
        return np.fromiter(found, dtype=np.uint64, count=len(tenants))

    def get(self, tenant: str, product_id: str) -> Product | None:
        """A known product."""
        key = self.name_of(tenant, product_id)
        return None if key is None else self._products[self._places[key]]

    def places(self, products: Names) -> NDArray[np.int64]:
        """The place of each 64-bit name; 0 where it is unknown."""
        find = self._places.get
        return np.array([find(key, UNKNOWN) for key in products.tolist()], dtype=np.int64)

    def at(self, place: int) -> Product | None:
        """The product of a place; None for place 0."""
        return self._products[place]

    def facet(self, key: int) -> str:
        """The category, brand or attribute of a 64-bit name; empty when no product here has it."""
        return self._facets.get(key, "")

    def _facet(self, text: str) -> int:
        if not text:
            return 0
        key = name(text)
        self._facets[key] = text
        return key

    def _make_room(self) -> None:
        if len(self._products) <= len(self.vectors):
            return
        grown = 2 * len(self.vectors)
        self.vectors = np.concatenate([self.vectors, np.zeros_like(self.vectors)])
        self.categories = np.resize(self.categories, grown)
        self.brands = np.resize(self.brands, grown)
        self.attributes = np.resize(self.attributes, (grown, ATTRIBUTES))
