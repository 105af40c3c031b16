"""What the verbs need from the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from chassis.kafka import Position as Watermark
from recommender.domain.allowed import Allowed
from recommender.domain.bag import Bag
from recommender.domain.product import Key, Position, Product
from recommender.domain.rules import Customer
from recommender.domain.shop import Entry, Shop
from recommender.domain.sought import Sought
from recommender.usecases.relations import Person

Vector = NDArray[np.float32]


class Found(NamedTuple):
    """Products an index found, best first."""

    places: NDArray[np.int64]  # (n,)
    scores: NDArray[np.floating[Any]]  # (n,)


class Indexed(NamedTuple):
    """What an index holds of a product."""

    key: Key
    position: str  # of the record it was made from
    vector: Vector


class ProductIndex(Protocol):
    """Finds products of one space by vector and by words. A repeated write changes nothing."""

    async def upsert(self, entries: Sequence[Entry]) -> None: ...

    async def delete(self, keys: Sequence[Key]) -> None:
        """Unknown ones are no error."""

    async def nearest(self, shop: Shop, vector: Vector, k: int, allowed: Allowed) -> Found:
        """By cosine, best first.

        Of `allowed` an index heeds stock, brand, category and price; whoever asks looks at the rest (`Allowed.fits`).
        """

    async def by_words(self, shop: Shop, words: Sought, k: int, allowed: Allowed) -> Found:
        """By the sum over common words of weights times idf, best first."""

    async def serve(self, look: Callable[[str], Shop], tenants: Sequence[str]) -> None:
        """Begin to answer for these shops, which `look` gives as they are now."""

    async def stored(self) -> list[Indexed]:
        """What it holds that the store of relations does not: read once, at the start."""

    async def close(self) -> None: ...


class Publisher(Protocol):
    """Tells the others which vectors products have."""

    async def publish(self, entries: Sequence[Entry], gone: Sequence[Key]) -> None: ...


class Translated(NamedTuple):
    """A phrase in the other language."""

    source: Sequence[int]  # its words, by their 32-bit names
    target: Mapping[int, float]  # words it may be called by → weight
    alternatives: Sequence[str]  # what it may be called


class Read(NamedTuple):
    """What the models make of a product."""

    vector: Vector  # e_p
    words: Bag
    named: Mapping[str, float]  # the words of its name, with their weights

    def entry(self, product: Product, position: Position) -> Entry:
        """The product with this, from the record at that position."""
        return Entry(product, self.vector, self.words, position, self.named)


class Models(Protocol):
    """Reads texts with the language models."""

    @property
    def space(self) -> str: ...

    @property
    def dim(self) -> int: ...

    async def products(self, products: Sequence[Product]) -> list[Read]: ...

    async def bags(self, products: Sequence[Product]) -> list[Bag]:
        """The words alone."""

    async def texts(self, texts: Sequence[str]) -> list[tuple[Vector, Mapping[int, float]]]:
        """Vector and words of each, as a question to an index asks."""

    def language(self, text: str) -> str:
        """`en`, `zh` or `und`."""

    def names(self, words: Mapping[str, float]) -> Mapping[int, float]:
        """Words → their 32-bit names."""

    def named(self, text: str) -> Sequence[int]:
        """The words of a text, by their 32-bit names."""

    def is_common(self, word: str) -> bool:
        """Whether a small-letter word is one of the language, whatever the shop sells."""

    def translations(self, text: str) -> Sequence[Translated]:
        """The phrases of a text that have a name in the other language."""

    def joining(self, text: str) -> float:
        """The share of words that name nothing, in [0, 1]."""


class Behavior(NamedTuple):
    """One entry of a need spectrum."""

    product_id: str  # or
    text: str
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class NeedView:
    """A need as the needs service tells it."""

    known: bool
    vector: Vector | None
    space: str
    spectrum: Sequence[Behavior]  # newest first
    words: Mapping[str, float]
    language: str
    stale: bool
    by: Sequence[str]
    also_known_as: Sequence[str] = ()  # users the person was before signing in
    customer: Customer | None = None  # what the shop keeps of the person, where that was asked for


class NeedsAway(Exception):
    """The needs service did not answer; the message says why."""


class Needs(Protocol):
    """Who wants what?"""

    async def need(self, person: Person, at_least: Sequence[Watermark], *, article: bool, whole: bool) -> NeedView:
        """Raises NeedsAway. `whole`: with what the shop keeps of the person."""


class Fallback(NamedTuple):
    """A part that was done by something less than the first choice."""

    component: str
    used: str
    reason: str


class Written(NamedTuple):
    """A recommendation text."""

    text: str
    engine: str
    fallback: Fallback | None


class Writer(Protocol):
    """Writes a recommendation text."""

    async def write(self, facts: Mapping[str, str], language: str, seed: int) -> Written | Fallback:
        """Within a bounded time; a Fallback says why there is none."""
