"""What a shopper's words ask for: conditions, and the words that are left to search by."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from recommender.domain.reading.measures import Measure, measures
from recommender.domain.reading.names import Named
from recommender.domain.reading.prices import Limit, limits
from recommender.domain.reading.without import unwanted
from recommender.domain.spelling import WORD, plain

_CORRECTED = 8  # words of one text at most


class Known(Protocol):
    """What a shop knows of words."""

    @property
    def currencies(self) -> Sequence[str]:
        """Those it sells in, most used first."""

    def names(self, text: str) -> Sequence[Named]:
        """Brands and categories that words name."""

    def is_property(self, word: str) -> bool:
        """Whether some product has it as an attribute, or it is otherwise a word for what products are made of."""

    def correct(self, word: str) -> str:
        """The word that a mistyped one stands for; empty for one that is known, and where there is none."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read out of words."""

    text: str  # to search by
    typed: Sequence[str] = ()
    corrected: Sequence[str] = ()
    currency: str = ""
    least: Decimal | None = None
    most: Decimal | None = None
    contradiction: str = ""  # between limits that the words state
    without: Sequence[str] = ()  # what products must not have
    names: Sequence[Named] = ()
    quantities: Sequence[Measure] = ()

    @property
    def priced(self) -> bool:
        """Whether the words state a price limit."""
        return self.least is not None or self.most is not None


def verbatim(text: str) -> Reading:
    """Words that are taken as they are."""
    return Reading(text)


def read(text: str, known: Known) -> Reading:
    """Read prices, what is unwanted, mistyped words, names and quantities out of words, in this order."""
    plain_text = unicodedata.normalize("NFKC", text)
    stated, left = limits(plain_text, known.currencies)
    without, left = unwanted(left, known.is_property)
    left, typed, corrected = _correct(left, known.correct)
    reading = Reading(
        left,
        typed,
        corrected,
        without=without,
        names=known.names(left),
        quantities=measures(left.lower()),
    )
    return _priced(reading, stated)


def _priced(reading: Reading, stated: Sequence[Limit]) -> Reading:
    if not stated:
        return reading
    currency = stated[0].currency
    least = max((limit.least for limit in stated if limit.least is not None), default=None)
    most = min((limit.most for limit in stated if limit.most is not None), default=None)
    contradiction = ""
    if any(limit.currency != currency for limit in stated):
        contradiction = "the words state prices in more than one currency"
    elif least is not None and most is not None and least > most:
        contradiction = f"the words ask for at least {least} and at most {most}"
    return replace(reading, currency=currency, least=least, most=most, contradiction=contradiction)


def _correct(text: str, correct: Callable[[str], str]) -> tuple[str, list[str], list[str]]:
    typed: list[str] = []
    corrected: list[str] = []

    def mend(match: re.Match[str]) -> str:
        if len(typed) >= _CORRECTED or _beside_digit(match):
            return match[0]
        better = correct(plain(match[0]))
        if not better:
            return match[0]
        typed.append(match[0])
        corrected.append(better)
        return better

    return WORD.sub(mend, text), typed, corrected


def _beside_digit(match: re.Match[str]) -> bool:
    """A part of `hwy14` is no word."""
    around = match.string[match.start() - 1 : match.start()] + match.string[match.end() : match.end() + 1]
    return any(letter.isdigit() for letter in around)
