"""A product, as recommendations see it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

DEFAULT_TENANT = "default"
_APART = re.compile("[/_-]")
_WORDS = re.compile(r"[^\W\d_]{2,}(?:[ /_-][^\W\d_]{2,})*")
LONGEST_DESCRIPTION = 2_000  # characters that are searched: what follows is small print


class Key(NamedTuple):
    """A product of one shop."""

    tenant: str
    product_id: str

    @classmethod
    def of(cls, tenant: str, product_id: str) -> Key:
        """The key of a message, where an empty tenant means the default one."""
        return cls(tenant or DEFAULT_TENANT, product_id)


class Position(NamedTuple):
    """Where in the log a record stood. Offsets of two lives of the log are never compared."""

    log: str
    partition: int
    offset: int

    def follows(self, other: Position) -> bool:
        """Whether this is later, or of another life or partition, which is taken for later."""
        return self[:2] != other[:2] or self.offset > other.offset

    def __str__(self) -> str:
        return f"{self.log}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Link:
    """A relation the catalogue states."""

    kind: str  # such as `goes_with`
    product_id: str
    weight: float  # in (0, 1]


@dataclass(frozen=True, slots=True)
class Product:
    """What of a product decides whether and why it is offered."""

    key: Key
    title: Mapping[str, str]  # BCP 47 language → name, at least one
    description: Mapping[str, str] = field(default_factory=dict)
    category: str = ""  # such as `kitchen/kettles`
    category_name: Mapping[str, str] = field(default_factory=dict)
    brand: str = ""
    currency: str = ""  # ISO 4217; empty: no price
    amount: Decimal | None = None
    attributes: tuple[tuple[str, Mapping[str, str]], ...] = ()  # name, language → value
    links: tuple[Link, ...] = ()
    in_stock: bool = True  # not said counts as in stock
    released: int = 0  # since when it is on sale, milliseconds since 1970; 0: not said
    record: bytes = b""  # the product as the catalogue gave it, for replies

    def name(self, language: str) -> str:
        """Its name in a language, else in English, else in the first one it has."""
        return in_language(self.title, language)

    def kind(self, language: str) -> str:
        """The name of its category, else the last part of the category's id."""
        return in_language(self.category_name, language) or self.category.rpartition("/")[2]


def in_language(texts: Mapping[str, str], language: str) -> str:
    """The text of the longest tag that fits (`zh-Hant-TW`, `zh-Hant`, `zh`), else English, else the first or none."""
    if not texts:
        return ""
    tag = language
    while tag:
        if tag in texts:
            return texts[tag]
        tag = tag.rpartition("-")[0]
    return texts.get("und") or texts.get("en") or next(iter(texts.values()))


def above(category: str) -> Iterator[str]:
    """A category and those it lies in: `a/b/c`, `a/b`, `a`."""
    while category:
        yield category
        category = category.rpartition("/")[0]


def naming(product: Product) -> str:
    """The words that name a product in every language it has: what its vector and its words are made of."""
    parts = [
        *product.title.values(),
        *(product.category_name.values() or [_spelt(product.category)]),
        product.brand,
        *(value for _, values in product.attributes for value in values.values()),
    ]
    return "\n".join(part for part in parts if part) or product.category


def _spelt(category: str) -> str:
    """The words of a category's id where it is made of words: `home/tea-pots` → `home tea pots`, `c-1042` → nothing."""
    return _APART.sub(" ", category) if _WORDS.fullmatch(category) else ""


def telling(product: Product) -> str:
    """What is said about a product beyond its name."""
    return "\n".join(product.description.values())[:LONGEST_DESCRIPTION]
