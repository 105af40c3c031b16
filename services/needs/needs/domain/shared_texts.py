"""Texts that many products have in common, such as words and brands: each is kept once, and goes by a number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from needs.domain.identity import name


class SharedTexts:
    """Invariants: a text keeps its number for the life of the process; number 0 is the empty text."""

    def __init__(self) -> None:
        self._texts = [""]
        self._numbers = {"": 0}

    def number(self, text: str) -> int:
        """The number of a text, a new one where it is new."""
        new = len(self._texts)
        found = self._numbers.setdefault(text, new)
        if found == new:
            self._texts.append(text)
        return found

    def numbers(self, texts: Sequence[str]) -> list[int]:
        """The number of each."""
        known = self._numbers
        try:
            return [known[text] for text in texts]
        except KeyError:
            return [self.number(text) for text in texts]

    def of(self, numbers: Iterable[int]) -> list[str]:
        """The texts of these numbers."""
        texts = self._texts
        return [texts[number] for number in numbers]

    def __getitem__(self, number: int) -> str:
        return self._texts[number]


class Facets:
    """Categories, brands and attributes by their 64-bit names; 0 is none."""

    def __init__(self) -> None:
        self._texts = {0: ""}
        self._names = {"": 0}

    def name(self, text: str) -> int:
        """The name of a facet; hashed once, however many products have it."""
        found = self._names.get(text)
        if found is None:
            found = self._names[text] = name(text)
            self._texts[found] = text
        return found

    def text(self, key: int) -> str:
        """The facet of a name; empty when no product here has it."""
        return self._texts.get(key, "")
