"""A shop of any size for benchmarks: products, and what people do with them, the same for the same seed.

Every product is made from its number alone, so that a million of them stream through no memory and any one can be made
again. Titles are English and Chinese, from words that shops use. What is alike shares words: a kind of product lies in
a category, categories in departments; brands keep to a few categories. Kinds, brands and popularity follow Zipf's law,
and a person keeps to few categories, so that needs have a direction and the graph has structure.
"""

from __future__ import annotations

import itertools
import random
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from attune.events.v1.product_pb2 import AVAILABILITY_IN_STOCK, AVAILABILITY_OUT_OF_STOCK, Product

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BRANDS_OF_A_CATEGORY = 40
_CHUNK = 200_000  # behaviours that are made at once
_BRANDS = 2_000
_LINKED, _BRANDED = 0.1, 0.3  # part of the products that the catalogue links, of the queries that name a brand
_OCCASIONAL, _SECOND, _STRAY = 0.7, 0.35, 0.1  # parts of behaviours: of anybody, in the second taste, in any kind


class Kind(NamedTuple):
    """A kind of product."""

    category: str
    english: str
    chinese: str
    category_names: tuple[str, str]
    low: float  # price of most of them, from
    high: float  # to


WORDS: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
KINDS = [
    Kind(category["id"], *kind, tuple(category["names"]), *category["prices"])
    for category in WORDS["categories"]
    for kind in category["kinds"]
]
CATEGORIES = sorted({kind.category for kind in KINDS})
_KIND_SHARES = np.cumsum(1.0 / np.arange(1, len(KINDS) + 1) ** 0.6)
_KIND_SHARES /= _KIND_SHARES[-1]
# The largest kind must not be the first of the list: order by a fixed shuffle.
_KIND_ORDER = np.random.default_rng(3).permutation(len(KINDS))


@dataclass(frozen=True)
class BigShop:
    """`size` products of one tenant."""

    size: int
    tenant: str = "default"
    seed: int = 1
    out_of_stock: float = 0.1  # part of the products

    def ids(self) -> Iterator[str]:
        """Every product's id, in order."""
        return map(self.product_id, range(self.size))

    def product_id(self, number: int) -> str:
        """Of the product of that number."""
        return f"sku-{number:07}"

    def kind(self, number: int) -> int:
        """Which of KINDS a product is of."""
        return int(self.kinds(np.array([number]))[0])

    def kinds(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which of KINDS products are of, (n,)."""
        found: NDArray[np.int64] = _KIND_ORDER[np.searchsorted(_KIND_SHARES, _uniform(numbers, self.seed))]
        return found

    def product(self, number: int) -> Product:
        """The product of that number."""
        rng = random.Random(self.seed * 1_000_003 + number)
        kind = KINDS[self.kind(number)]
        brand = brand_of(kind.category, rng)
        (adjective, adjective_zh), (use, use_zh) = rng.choice(WORDS["adjectives"]), rng.choice(WORDS["uses"])
        (color, color_zh), (material, material_zh) = rng.choice(WORDS["colors"]), rng.choice(WORDS["materials"])
        size = rng.choice((0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10))
        model = f"{rng.choice('ABCDEFGHKLMNPRSTVX')}{rng.randrange(10, 9_999)}"
        amount = kind.low * (kind.high / kind.low) ** rng.random()
        made = Product(
            tenant="" if self.tenant == "default" else self.tenant,
            product_id=self.product_id(number),
            category=kind.category,
            brand=brand,
            availability=AVAILABILITY_OUT_OF_STOCK if rng.random() < self.out_of_stock else AVAILABILITY_IN_STOCK,
        )
        made.title["en"] = f"{brand} {adjective} {material} {kind.english} {model}, {color}"
        made.title["zh"] = f"{brand} {adjective_zh}{material_zh}{kind.chinese} {model} {color_zh}"
        made.description["en"] = f"A {adjective} {kind.english} in {color} {material}, made for {use}."
        made.description["zh"] = f"{color_zh}{material_zh}{kind.chinese}，{adjective_zh}，适合{use_zh}。"
        made.category_name["en"], made.category_name["zh"] = kind.category_names
        made.price.currency, made.price.amount = "EUR", f"{max(0.5, amount):.2f}"
        for name, english, chinese in (
            ("color", color, color_zh),
            ("material", material, material_zh),
            ("use", use, use_zh),
        ):
            attribute = made.attributes.add(name=name)
            attribute.value["en"], attribute.value["zh"] = english, chinese
        made.attributes.add(name="size").value["und"] = f"{size:g} L"
        if number and rng.random() < _LINKED:
            made.relations.add(kind="goes_with", product_id=self.product_id(rng.randrange(number)))
        made.released_at.FromDatetime(NOW - timedelta(days=rng.expovariate(1 / 400)))
        return made

    def products(self, start: int = 0, stop: int | None = None) -> Iterator[Product]:
        """All of them, or some, one after the other."""
        return map(self.product, range(start, self.size if stop is None else stop))

    def queries(self, number: int, seed: int = 7) -> list[tuple[str, str]]:
        """What people type: (text, language), with words of one to three fields of a product that is there."""
        rng, found = random.Random(seed), []
        for _ in range(number):
            product = self.product(self._popular(rng))
            kind = KINDS[self.kind(int(product.product_id.removeprefix("sku-")))]
            language = rng.choice(("en", "zh"))
            index = ("en", "zh").index(language)
            attributes = {a.name: a.value[language] for a in product.attributes if language in a.value}
            parts = [(kind.english, kind.chinese)[index]]
            parts += [product.brand] if rng.random() < _BRANDED else []
            parts += rng.sample(sorted(attributes.values()), rng.randrange(3))
            rng.shuffle(parts)
            found.append((" ".join(parts), language))
        return found

    def _popular(self, rng: random.Random) -> int:
        """A product by its popularity: the share of the first n grows with the logarithm of n."""
        rank = int(self.size ** rng.random()) - 1
        return rank * 7_919 % self.size if self.size % 7_919 else rank

    def people(self, number: int, behaviors: int, seed: int = 5) -> Iterator[Behaviors]:
        """What `number` people did, `behaviors` in all, in the order of time, chunk by chunk.

        Everybody does something first, then a few people do much. Each keeps mostly to two kinds of products, and what
        is popular is done more.
        """
        of_kind = self._by_kind()
        for chunk, start in enumerate(range(0, behaviors, _CHUNK)):
            size = min(_CHUNK, behaviors - start)
            rng = np.random.default_rng([seed, chunk])
            people = (number ** rng.random(size) * (1 - 1e-12)).astype(np.int64) * 104_729 % number
            people = np.where(rng.random(size) < _OCCASIONAL, rng.integers(0, number, size), people)
            firsts = start + np.arange(size)
            people = np.where(firsts < number, firsts * 611_953 % number, people)
            tastes = _uniform(people * 2 + (rng.random(size) < _SECOND), seed)
            kinds = _KIND_ORDER[np.searchsorted(_KIND_SHARES, tastes)]
            strays = rng.random(size) < _STRAY
            kinds[strays] = rng.integers(0, len(KINDS), int(strays.sum()))
            counts = of_kind.counts[kinds]
            ranks = np.minimum((np.maximum(counts, 1) ** rng.random(size)).astype(np.int64), np.maximum(counts, 1)) - 1
            products = of_kind.products[np.minimum(of_kind.starts[kinds] + ranks, self.size - 1)]
            done = rng.choice(4, size, p=(0.72, 0.13, 0.09, 0.06))  # view, click, add to cart, purchase
            at = (start + np.arange(size)) / max(behaviors, 1)
            yield Behaviors(people, products, done, (at * 30 * 86_400_000).astype(np.int64))

    def _by_kind(self) -> _ByKind:
        kinds = self.kinds(np.arange(self.size))
        order = np.argsort(kinds, kind="stable")
        counts = np.bincount(kinds, minlength=len(KINDS))
        return _ByKind(order, np.cumsum(counts) - counts, counts)


class Behaviors(NamedTuple):
    """What people did, one element each."""

    people: NDArray[np.int64]
    products: NDArray[np.int64]  # numbers
    done: NDArray[np.int64]  # 0 view, 1 click, 2 add to cart, 3 purchase
    at: NDArray[np.int64]  # milliseconds since the beginning of the 30 days


class _ByKind(NamedTuple):
    products: NDArray[np.int64]  # numbers, by kind
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]


def user_id(number: int) -> str:
    """Of the person of that number."""
    return f"user-{number:07}"


def brand_of(category: str, rng: random.Random) -> str:
    """A brand that has such products; few have most of them."""
    rank = int(BRANDS_OF_A_CATEGORY ** rng.random()) - 1
    return BRANDS[(hash_of(category) + rank * 31) % len(BRANDS)]


def hash_of(text: str) -> int:
    """The same in every process."""
    total = 0
    for letter in text:
        total = (total * 131 + ord(letter)) % 2**31
    return total


def _brands() -> Sequence[str]:
    rng, syllables = random.Random(2), WORDS["syllables"].split()
    found: dict[str, None] = {}
    while len(found) < _BRANDS:
        found["".join(rng.choice(syllables) for _ in range(rng.choice((2, 2, 3)))).capitalize()] = None
    return list(found)


BRANDS = _brands()


def _uniform(numbers: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """A number in [0, 1) for each, as if drawn (splitmix64)."""
    x = numbers.astype(np.uint64) + np.uint64((seed * 0x9E3779B97F4A7C15) % 2**64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return (x >> np.uint64(11)).astype(np.float64) / 2**53


if __name__ == "__main__":
    for shown in itertools.islice(BigShop(1_000_000).products(), 5):
        print(shown)
