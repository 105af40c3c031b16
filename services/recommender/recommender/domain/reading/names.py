"""Which brands and categories of a shop words name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lm.lexical.english import stem
from recommender.domain.product import Product

_PIECE = re.compile(r"[\u3400-\u9fff]+|[^\W_\u3400-\u9fff]+(?:['&.-][^\W_\u3400-\u9fff]+)*")
_WORDS, _CHARACTERS = 5, 12  # the longest name that is looked for
_MOST = 100_000  # names that are kept; a shop has a few thousand


@dataclass(frozen=True, slots=True)
class Named:
    """A name found in words."""

    text: str  # as it was typed
    brands: frozenset[str] = frozenset()  # as products have them
    categories: frozenset[str] = frozenset()  # ids
    whole: bool = False  # it is all that was asked


@dataclass(slots=True)
class _Meant:
    brands: set[str] = field(default_factory=set)
    categories: set[str] = field(default_factory=set)


class Names:
    """The names of a shop's brands and categories in every language, by their small-letter stems.

    A name stays when its products are gone: whoever reads it looks whether there are any.
    """

    def __init__(self) -> None:
        self._meant: dict[str, _Meant] = {}
        self._learnt: set[tuple[str, ...]] = set()

    def learn(self, product: Product) -> None:
        """Take the names that a product brings."""
        brings = (product.brand, product.category, *product.category_name.values())
        if brings in self._learnt or len(self._learnt) >= _MOST:
            return
        self._learnt.add(brings)
        if key := _key(product.brand):
            self._at(key).brands.add(product.brand)
        last = product.category.rpartition("/")[2].replace("-", " ").replace("_", " ")
        for name in {last, *product.category_name.values()} if product.category else ():
            if key := _key(name):
                self._at(key).categories.add(product.category)

    def find(self, text: str) -> list[Named]:
        """The longest names that stand in words, in their order."""
        pieces = _PIECE.findall(text)
        found: list[Named] = []
        at = 0
        while at < len(pieces):
            size, key = next(((n, k) for n, k in _runs(pieces, at) if k in self._meant), (0, ""))
            if size:
                found.append(self._named(key, " ".join(pieces[at : at + size]), whole=size == len(pieces)))
            elif pieces[at][0] >= "\u3400":
                found += self._inside(pieces[at])
            at += size or 1
        return found

    def _inside(self, run: str) -> Iterator[Named]:
        """Names within a run of Chinese."""
        at = 0
        while at < len(run):
            for size in range(min(_CHARACTERS, len(run) - at), 1, -1):
                if run[at : at + size] in self._meant:
                    yield self._named(run[at : at + size], run[at : at + size], whole=False)
                    at += size - 1
                    break
            at += 1

    def _named(self, key: str, text: str, *, whole: bool) -> Named:
        meant = self._meant[key]
        return Named(text, frozenset(meant.brands), frozenset(meant.categories), whole)

    def _at(self, key: str) -> _Meant:
        return self._meant.setdefault(key, _Meant())


def _runs(pieces: list[str], at: int) -> Iterator[tuple[int, str]]:
    """The keys that begin at a piece, longest first."""
    for size in range(min(_WORDS, len(pieces) - at), 0, -1):
        yield size, " ".join(stem(piece.casefold()) for piece in pieces[at : at + size])


def _key(name: str) -> str:
    return " ".join(stem(piece.casefold()) for piece in _PIECE.findall(name))
