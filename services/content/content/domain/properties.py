"""Words that state a property of a product, such as `waterproof` or `不锈钢`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from content.domain.product import Product
from content.domain.wordlist import WordList, denied


@dataclass(frozen=True, slots=True)
class Stated:
    """A property that a text states, and where the record says the same."""

    words: str
    start: int
    field: str  # empty: nowhere
    value: str


class Properties:
    """Properties, each with its names in every language."""

    def __init__(self, named: Sequence[Sequence[str]]) -> None:
        self._any = WordList(name for names in named for name in names)
        self._lists = {name.casefold(): WordList(names) for names in named for name in names}

    def stated(self, text: str, product: Product) -> Iterator[Stated]:
        """Every property of a text. The record must say it, or deny it where the text denies it."""
        for match in self._any.within(text):
            field, value = self._recorded(match[0], product, denied(text, match.start())) or ("", "")
            yield Stated(match[0], match.start(), field, value)

    def _recorded(self, word: str, product: Product, is_denied: bool) -> tuple[str, str] | None:  # noqa: FBT001
        same = self._lists[" ".join(word.casefold().split())]
        for field, text in product.texts():
            for match in same.within(text):
                if denied(text, match.start()) == is_denied:
                    return field, match[0] if field == "description" else text
        return None
