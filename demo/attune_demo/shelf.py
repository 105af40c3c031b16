"""The products as a shopper meets them: by category, by words, and by what is linked to what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

SMALL_WORDS = frozenset({"a", "for", "with", "and", "the", "two", "of", "under"})
TYPICAL_PRICE = 40.0  # euro; near the median of the catalogue, where price begins to put off


@dataclass(frozen=True)
class Item:
    product_id: str
    category: str
    price: float  # euro
    in_stock: bool
    linked: Sequence[str]  # product ids
    words: frozenset[str]  # of both titles


class Shelf:
    """Chance is an argument: the same `Random` in the same state picks the same product."""

    def __init__(self, catalogue: Iterable[Mapping[str, Any]]) -> None:
        """`catalogue` holds products in the contract's JSON form."""
        self._items = {record["product_id"]: _item(record) for record in catalogue}
        self._categories: defaultdict[str, list[Item]] = defaultdict(list)
        for item in self._items.values():
            self._categories[item.category].append(item)

    def from_likes(self, likes: Mapping[str, float], spends: float, chance: Random) -> Item:
        """A product of a category that is liked or, with what is left of the shares, of any."""
        left = chance.random()
        for category, share in likes.items():
            left -= share
            if left < 0:
                return _affordable(self._categories[category], spends, chance)
        return _affordable(list(self._items.values()), spends, chance)

    def beside(self, item: Item, spends: float, chance: Random) -> Item:
        """Another product of the same category."""
        others = [other for other in self._categories[item.category] if other is not item]
        return _affordable(others or [item], spends, chance)

    def linked(self, item: Item, chance: Random) -> Item | None:
        """A product that the catalogue links with it; None when there is none."""
        return self._items[chance.choice(item.linked)] if item.linked else None

    def found(self, text: str, chance: Random) -> Item | None:
        """One of the products whose titles share most with the words; None when none shares anything."""
        wanted = _words(text)
        shared = [(len(wanted & item.words), item) for item in self._items.values()]
        most = max(count for count, _ in shared)
        return chance.choice([item for count, item in shared if count == most]) if most else None


def _item(record: Mapping[str, Any]) -> Item:
    return Item(
        product_id=record["product_id"],
        category=record["category"],
        price=float(record["price"]["amount"]),
        in_stock=record["availability"] == "AVAILABILITY_IN_STOCK",
        linked=[relation["product_id"] for relation in record["relations"]],
        words=frozenset[str]().union(*(_words(title) for title in record["title"].values())),
    )


def _affordable(items: Sequence[Item], spends: float, chance: Random) -> Item:
    """Cheaper ones oftener: weight 1 / (1 + price / typical price) ^ spends."""
    weights = [(1 + item.price / TYPICAL_PRICE) ** -spends for item in items]
    return chance.choices(items, weights)[0]


def _words(text: str) -> set[str]:
    """English words that name something; pairs of Chinese characters."""
    english = set(text.lower().replace(",", " ").replace("-", " ").split()) - SMALL_WORDS
    pairs = {first + second for first, second in pairwise(text) if first > "一" and second > "一"}
    return {word for word in english if word.isascii()} | pairs
