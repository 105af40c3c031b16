"""What quantities in words ask for: `1.5 l`, `500 or 750 ml`, `under 2 kg`, `4-6 persons`, `size 42`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from recommender.domain.reading.prices import compared
from recommender.domain.reading.units import NUMBER, Quantity, Said, said

_MOST = 8  # quantities of one text: the rest are words
_NEAR = 60  # characters on either side that can say how a number is meant
_VAGUE = re.compile(r"(?:\b(?:about|around|approx(?:\.|imately)?|roughly|circa|ca\.?|not)|[~约不]|大概|差不多)\s*$")
_OR_SO = re.compile(r"\s*(?:左右|上下|or so\b)")
_OR = re.compile(r"\s*(?:or|/|或者?)\s*")
_BEFORE = re.compile(rf"(?<![\w.,])({NUMBER}){_OR.pattern}$")  # 500 or | 750 ml
_BEHIND = re.compile(rf"{_OR.pattern}({NUMBER}|[smlx]{{1,4}})(?![\w.])")  # size 42 | or 43


class Measure(NamedTuple):
    """A quantity that is asked for: any of the amounts, or else one within the limits, in the unit of the kind."""

    said: str  # as it was typed, for whoever asked
    kind: str
    amounts: frozenset[str] = frozenset()
    least: Decimal | None = None
    most: Decimal | None = None

    def met(self, amount: str) -> bool:
        """Whether so much is what is asked for. A size in letters keeps no limit."""
        if self.amounts:
            return amount in self.amounts
        if not amount[0].isdigit():
            return False
        number = Decimal(amount)
        return (self.least is None or number >= self.least) and (self.most is None or number <= self.most)


def measures(text: str) -> list[Measure]:
    """The quantities that small-letter words ask for; `about 2 kg` asks for none that could be missed."""
    every = said(text)[:_MOST]
    limited = [_limited(each, every, text) for each in every]
    exact = [each for each, limit in zip(every, limited, strict=True) if limit is None and not _vague(each, text)]
    limits = {measure[1:]: measure for measure in limited if measure}  # both ends of a range say it
    return [*limits.values(), *_exact(exact, text)]


def _vague(each: Said, text: str) -> bool:
    return bool(_VAGUE.search(text, max(0, each.at.start - _NEAR), each.at.start) or _OR_SO.match(text, each.at.stop))


def _limited(each: Said, every: Sequence[Said], text: str) -> Measure | None:
    """The limit that words around a quantity make of it, said like one of prices once the units are out of the way."""
    first, last = max(0, each.at.start - _NEAR), each.at.stop + _NEAR
    kin = [other for other in every if other.quantity.kind == each.quantity.kind]
    how = compared(_without_units(kin, text)[first:last], each.number.start - first)
    if how is None or not each.quantity.amount[0].isdigit():
        return None
    start, stop = min(each.at.start, first + how.start), max(each.at.stop, first + how.stop)
    amounts = [Decimal(each.quantity.amount)]
    for at in how.others:
        end = next((other for other in kin if other.number.start == first + at.start), None)
        quantity = end.quantity if end else each.like(text, text[first:][at].strip())
        amounts += [Decimal(quantity.amount)] if quantity else []
        stop = max(stop, end.at.stop if end else 0)
    least = min(amounts) if how.kind in {"both", "least"} else None
    most = max(amounts) if how.kind in {"both", "most"} else None
    return Measure(text[start:stop].strip(), each.quantity.kind, least=least, most=most)


def _without_units(kin: Sequence[Said], text: str) -> str:
    """As long as before, so that everything stays where it was."""
    letters = list(text)
    for each in kin:
        for at in (*range(each.at.start, each.number.start), *range(each.number.stop, each.at.stop)):
            letters[at] = " "
    return "".join(letters)


def _exact(every: Sequence[Said], text: str) -> Iterator[Measure]:
    """Each quantity itself, or any of several that `or` joins: `60 cm wide, 40 cm deep` asks for both."""
    held: Measure | None = None
    stop = 0
    for each in every:
        start, end, other = _either(each, text)
        amounts = frozenset({each.quantity.amount, other.amount} if other else {each.quantity.amount})
        if held and held.kind == each.quantity.kind and _OR.fullmatch(text, stop, start):
            held = held._replace(said=f"{held.said}{text[stop:end]}", amounts=held.amounts | amounts)
        else:
            if held:
                yield held
            held = Measure(text[start:end].strip(), each.quantity.kind, amounts)
        stop = end
    if held:
        yield held


def _either(each: Said, text: str) -> tuple[int, int, Quantity | None]:
    """Where a quantity stands with the bare number that `or` joins to it, and that number's quantity."""
    if match := _BEFORE.search(text, max(0, each.at.start - _NEAR), each.at.start):
        return match.start(), each.at.stop, each.like(text, match[1])
    if each.quantity.kind == "size" and (match := _BEHIND.match(text, each.at.stop)):
        return each.at.start, match.end(), each.like(text, match[1])
    return each.at.start, each.at.stop, None
