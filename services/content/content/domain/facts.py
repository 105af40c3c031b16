"""What a text states, compared with the product record."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from content.domain.amounts import Amount, amounts
from content.domain.claims import ClaimKind, claims
from content.domain.gaps import price_text
from content.domain.names import Names, named
from content.domain.product import Product
from content.domain.properties import Properties

_SHORTEST = 2  # characters of a value that is recognised as it stands
_KEPT = 64  # texts of one product: those of a dozen templates, in two languages and on a few channels


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement of a text."""

    claim: str  # the words of the text
    field: str  # of the product record; empty when there is none
    value: str  # what the record says
    holds: bool
    why: str = ""  # why it does not hold


@dataclass(frozen=True, slots=True)
class _Found:
    start: int
    end: int
    fact: Fact


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What a shop, or a market's law, says about texts."""

    claims: Sequence[ClaimKind]
    properties: Properties


class FactChecker:
    """Finds every number, price, property, name and claim of a text, and what one product's record says to it.

    Invariant: what is kept of a text depends on the record, the rules and the text alone; names of others, which come
    and go, are looked for each time.
    """

    def __init__(self, product: Product, rules: Rules) -> None:
        self._product, self._rules = product, rules
        self._values = [(field, text.strip()) for field, text in product.values()]
        self._values.sort(key=lambda pair: len(pair[1]), reverse=True)
        self._amounts = [(field, text, amount) for field, text in product.texts() for amount in amounts(text)]
        self._own = {text.casefold() for _, text in self._values}
        self._kept: dict[tuple[str, str], tuple[Sequence[_Found], Sequence[_Found]]] = {}

    def facts(self, text: str, language: str, others: Iterable[Names] = ()) -> list[Fact]:
        """All it states, in its order. A text holds when each of them does.

        `others`: names of brands and products that are not this one, as far as they are known.
        """
        kept = self._kept.get((text, language))
        if kept is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            kept = self._kept[text, language] = self._read(text, language)
        found, named_here = kept
        met = (place for names in others for place in names.within(text))
        strange = self._names((start, name) for start, name in met if name.casefold() not in self._own)
        items = [*found, *(item for item in strange if not _touches(item, found)), *named_here]
        return [item.fact for item in sorted(items, key=lambda item: (item.start, item.end))]

    def _read(self, text: str, language: str) -> tuple[Sequence[_Found], Sequence[_Found]]:
        """What it states without its names, and its names."""
        found = list(self._verbatim(text))
        for source in (self._numbers, self._stated, self._claimed):
            found += [item for item in source(text) if not _within(item, found)]
        return found, [item for item in self._names(named(text, language)) if not _touches(item, found)]

    def _verbatim(self, text: str) -> Iterator[_Found]:
        """Values of the record as they stand, longest first."""
        taken: list[tuple[int, int]] = []
        for field, value in self._values:
            if len(value) < _SHORTEST:
                continue
            for match in _whole(value).finditer(text):
                if any(match.start() < end and start < match.end() for start, end in taken):
                    continue
                taken.append(match.span())
                yield _Found(*match.span(), Fact(match[0], field, value, holds=True))

    def _numbers(self, text: str) -> Iterator[_Found]:
        for amount in amounts(text):
            yield _Found(amount.start, amount.end, self._number(text[amount.start : amount.end], amount))

    def _number(self, words: str, stated: Amount) -> Fact:
        if stated.of == "currency":
            return self._price(words, stated)
        for field, text, recorded in self._amounts:
            if stated.agrees(recorded):
                value = text if field != "description" else text[recorded.start : recorded.end]
                return Fact(words, field, value, holds=True)
        return Fact(words, "", "", holds=False, why="the product record does not say so")

    def _price(self, words: str, stated: Amount) -> Fact:
        price = self._product.price
        if price is None:
            return Fact(words, "price", "", holds=False, why="the product has no price")
        recorded = f"{price.amount} {price.currency}"
        good = any(stated.agrees(amount) for amount in amounts(recorded))
        return Fact(words, "price", recorded, holds=good, why="" if good else f"the price is {price_text(price, 'en')}")

    def _stated(self, text: str) -> Iterator[_Found]:
        for said in self._rules.properties.stated(text, self._product):
            why = "" if said.field else "the product record does not say so"
            fact = Fact(said.words, said.field, said.value, holds=bool(said.field), why=why)
            yield _Found(said.start, said.start + len(said.words), fact)

    def _claimed(self, text: str) -> Iterator[_Found]:
        for claim in claims(text, self._product, self._rules.claims):
            why = "" if claim.recorded else f"a claim of this sort ({claim.kind}) may not be made"
            fact = Fact(claim.words, claim.recorded or "", "", holds=claim.recorded is not None, why=why)
            yield _Found(claim.start, claim.start + len(claim.words), fact)

    def _names(self, places: Iterable[tuple[int, str]]) -> Iterator[_Found]:
        for start, name in places:
            whole = _whole(name)
            field, value = next(((f, v) for f, v in self._product.texts() if whole.search(v)), ("", ""))
            why = "" if field else "the product record does not name it"
            shown = name if field == "description" else value
            yield _Found(start, start + len(name), Fact(name, field, shown, holds=bool(field), why=why))


def refusal(facts: Sequence[Fact]) -> str:
    """Why a text with these facts may not be used; empty: it may."""
    return "; ".join(f"{fact.claim!r}: {fact.why}" for fact in facts if not fact.holds)


@lru_cache(maxsize=8_192)  # values of some hundred products: making a pattern costs more than using it
def _whole(value: str) -> re.Pattern[str]:
    left = r"(?<![A-Za-z0-9])" if value[0].isascii() and value[0].isalnum() else ""
    right = r"(?![A-Za-z0-9])" if value[-1].isascii() and value[-1].isalnum() else ""
    return re.compile(left + re.escape(value) + right, re.IGNORECASE)


def _within(item: _Found, others: Sequence[_Found]) -> bool:
    return any(other.start <= item.start and item.end <= other.end for other in others)


def _touches(item: _Found, others: Sequence[_Found]) -> bool:
    return any(other.start < item.end and item.start < other.end for other in others)
