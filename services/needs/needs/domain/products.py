"""What needs are made of: the vector, words and facets of every product, in process."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from needs.domain.identity import Names, product_name
from needs.domain.shared_texts import Facets, SharedTexts
from needs.domain.weights import Weights

UNKNOWN = 0  # place of the unknown product
ATTRIBUTES = 6  # of a product, by name, that are still counted when it has left the ring
_FIRST_PLACES = 1024
_WORD, _PAIR = Struct("<Id"), Struct("<II")
_WORDS = np.dtype([("number", "<u4"), ("share", "<f8")])  # many of _WORD
_COLUMNS = np.dtype(
    [
        ("name", "<u8"),
        ("category", "<u8"),
        ("brand", "<u8"),
        ("attributes", "<u8", ATTRIBUTES),
        ("tenant", "<u4"),  # this and the next three: numbers of texts
        ("currency", "<u4"),
        ("amount", "<u4"),
        ("log", "<u4"),
        ("partition", "<i4"),
        ("offset", "<i8"),
    ]
)


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

    A catalogue of a million products lies here in whole, so a product is a place in columns, and texts that products
    have in common are there once: a few hundred bytes beside its vector. A `Product` is made when it is asked for.

    Invariants: a product keeps its place for the life of the process; place 0 is the unknown product, whose vector is
    zero and whose facets are none. A product that is gone stays: it still says what people wanted.
    """

    def __init__(self, dim: int) -> None:
        self._columns = np.zeros(_FIRST_PLACES, _COLUMNS)
        self.vectors: NDArray[np.float32] = np.zeros((_FIRST_PLACES, dim), dtype=np.float32)
        self._seen = np.zeros(_FIRST_PLACES, dtype=bool)  # whether the vector is known
        self._ids = [""]  # by place
        self._words = [b""]  # by place: number of a word and its weight, one after the other
        self._attributes = [b""]  # by place: numbers of a name and its value, one after the other
        self._places: dict[str, dict[str, int]] = {}  # tenant → product id → place
        self._by_name: dict[int, int] = {}  # 64-bit name → place
        self._texts, self._facets = SharedTexts(), Facets()

    def __len__(self) -> int:
        return len(self._by_name)

    @property
    def categories(self) -> Names:
        """(places,), 0: none."""
        return self._columns["category"]

    @property
    def brands(self) -> Names:
        """(places,), 0: none."""
        return self._columns["brand"]

    @property
    def attributes(self) -> Names:
        """(places, ATTRIBUTES), 0: none."""
        return self._columns["attributes"]

    def put(self, product: Product) -> None:
        """Add a product, or take its newer state."""
        place = self._places.setdefault(product.tenant, {}).get(product.product_id)
        if place is None:
            place = self._add(product.tenant, product.product_id)
        self.vectors[place] = 0 if product.vector is None else product.vector
        self._seen[place] = product.vector is not None
        number, facet, position = self._texts.number, self._facets.name, product.position
        told = [facet(attribute(*each)) for each in sorted(product.attributes.items())[:ATTRIBUTES]]
        self._columns[place] = (
            self._columns[place]["name"],
            facet(product.category),
            facet(product.brand),
            told + [0] * (ATTRIBUTES - len(told)),
            number(product.tenant),
            number(product.currency),
            number(product.amount),
            number(position.log),
            position.partition,
            position.offset,
        )
        self._words[place] = self._packed(product.words)
        self._attributes[place] = b"".join([_PAIR.pack(*map(number, each)) for each in product.attributes.items()])

    def name_of(self, tenant: str, product_id: str) -> int | None:
        """The 64-bit name of a known product."""
        place = self._places.get(tenant, {}).get(product_id)
        return None if place is None else int(self._columns["name"][place])

    def names_of(self, tenants: Sequence[str], products: Sequence[str]) -> Names:
        """(n,) the 64-bit name of each; 0 where the product is not known."""
        if len(set(tenants)) == 1:
            find = self._places.get(tenants[0], {}).get
            found = [find(product, UNKNOWN) for product in products]
        else:
            of = self._places.get
            found = [of(tenant, {}).get(product, UNKNOWN) for tenant, product in zip(tenants, products, strict=True)]
        return self._columns["name"][np.array(found, dtype=np.int64)]

    def get(self, tenant: str, product_id: str) -> Product | None:
        """A known product."""
        return self.at(self._places.get(tenant, {}).get(product_id, UNKNOWN))

    def position(self, tenant: str, product_id: str) -> LogPosition | None:
        """Where in the log the state stood that a known product has."""
        place = self._places.get(tenant, {}).get(product_id)
        return None if place is None else self._position(place)

    def places(self, products: Names) -> NDArray[np.int64]:
        """The place of each 64-bit name; 0 where it is unknown."""
        find = self._by_name.get
        return np.array([find(key, UNKNOWN) for key in products.tolist()], dtype=np.int64)

    def at(self, place: int) -> Product | None:
        """The product of a place; None for place 0."""
        if place == UNKNOWN:
            return None
        row, text = self._columns[place], self._texts
        return Product(
            tenant=text[row["tenant"]],
            product_id=self._ids[place],
            vector=self.vectors[place] if self._seen[place] else None,
            words=tuple((text[number], share) for number, share in _WORD.iter_unpack(self._words[place])),
            category=self._facets.text(int(row["category"])),
            brand=self._facets.text(int(row["brand"])),
            currency=text[row["currency"]],
            amount=text[row["amount"]],
            attributes={text[name]: text[value] for name, value in _PAIR.iter_unpack(self._attributes[place])},
            position=self._position(place),
        )

    def id(self, place: int) -> str:
        """The product id of a place; empty for place 0."""
        return self._ids[place]

    def words(self, places: NDArray[np.int64], weights: Weights) -> tuple[NDArray[np.uint32], Weights]:
        """Numbers of all words that products have, each once, and Σ weight of the product · share of the word."""
        told = [self._words[place] for place in places.tolist()]
        columns = np.frombuffer(b"".join(told), _WORDS)
        if not len(columns):
            return columns["number"], np.zeros(0)
        of_each = np.repeat(weights, [len(words) // _WORD.size for words in told])
        order = columns["number"].argsort(kind="stable")
        numbers = columns["number"][order]
        begins = np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1]))
        sums: Weights = np.add.reduceat((of_each * columns["share"])[order], begins)
        return numbers[begins], sums

    def texts(self, numbers: NDArray[np.uint32]) -> list[str]:
        """The words of these numbers."""
        return self._texts.of(numbers.tolist())

    def blind(self, places: NDArray[np.int64]) -> int:
        """How many of these have no vector that is known in this space."""
        return len(places) - int(np.count_nonzero(self._seen[places]))

    def facet(self, key: int) -> str:
        """The category, brand or attribute of a 64-bit name; empty when no product here has it."""
        return self._facets.text(key)

    def _packed(self, words: Sequence[tuple[str, float]]) -> bytes:
        columns = np.empty(len(words), _WORDS)
        columns["number"] = self._texts.numbers([word for word, _ in words])
        columns["share"] = [share for _, share in words]
        return columns.tobytes()

    def _position(self, place: int) -> LogPosition:
        row = self._columns[place]
        return LogPosition(self._texts[row["log"]], int(row["partition"]), int(row["offset"]))

    def _add(self, tenant: str, product_id: str) -> int:
        place, key = len(self._ids), product_name(tenant, product_id)
        if place == len(self._columns):
            self._columns, self._seen = _doubled(self._columns), _doubled(self._seen)
            self.vectors = _doubled(self.vectors)
        self._places[tenant][product_id] = self._by_name[key] = place
        self._columns["name"][place] = key
        self._ids.append(product_id)
        self._words.append(b"")
        self._attributes.append(b"")
        return place


def _doubled(column: NDArray[Any]) -> NDArray[Any]:
    """With as many empty places again, which take memory when they are filled."""
    grown = np.zeros((2 * len(column), *column.shape[1:]), column.dtype)
    grown[: len(column)] = column
    return grown
