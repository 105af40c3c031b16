"""Claims that no text may make, or only when the product record makes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from content.domain.product import Product
from content.domain.wordlist import WordList


class Rule(StrEnum):
    """When a claim may be made."""

    NEVER = "never"
    RECORDED = "recorded"


@dataclass(frozen=True, slots=True, eq=False)
class ClaimKind:
    """One sort of claim."""

    kind: str  # such as `superlative`
    rule: Rule
    words: WordList


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim found in a text."""

    words: str
    kind: str
    start: int
    recorded: str | None  # field of the product record that makes it too; None where that does not matter or is not so


def claims(text: str, product: Product, kinds: Sequence[ClaimKind]) -> Iterator[Claim]:
    """Every claim of a text that it may or may not make."""
    for kind in kinds:
        for match in kind.words.within(text):
            field = _field_saying(match[0], product) if kind.rule is Rule.RECORDED else None
            yield Claim(match[0], kind.kind, match.start(), field)


def _field_saying(words: str, product: Product) -> str | None:
    said = WordList([words])
    return next((field for field, text in product.texts() if any(said.within(text))), None)
