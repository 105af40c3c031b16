"""From what was read out of words to conditions and preferences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from recommender.domain.allowed import Allowed, Stated
from recommender.domain.reading.measures import Measure
from recommender.domain.reading.names import Named as Name
from recommender.domain.reading.read import Reading
from recommender.domain.relevance import Named
from recommender.domain.shop import Shop

_MOSTLY = 2.0  # products with the words of a category's name, per product in it, up to which they mean the category
_OWN = 1.2  # products with the words of a brand's name, per product of the brand, up to which they mean the brand

_TOLD = 64  # values of one attribute that a filter takes


@dataclass(frozen=True, slots=True)
class Intent:
    """What products must be, and what they should be."""

    allowed: Allowed  # the request's conditions and those of the words
    read: Allowed  # those of the words alone, to be told
    relaxed: Allowed  # as `allowed`, without the brands and categories that the words merely name
    named: Sequence[Named]
    contradiction: str = ""  # why nothing can be found at all


def intent(shop: Shop, reading: Reading, asked: Allowed, count: Callable[[str], float]) -> Intent:
    """Prices and brands that words state are conditions like those of the request; what else they name is preferred.

    A category is a condition where it is all that was typed, a quantity where attributes state any of its kind. Prices
    and quantities stay in `relaxed`. `count`: how many products have a word.
    """
    priced, contradiction = _priced(reading, asked)
    read = replace(Allowed(), currency=reading.currency, least=_float(reading.least), most=_float(reading.most))
    allowed, named = priced, []
    for name in reading.names:
        brands = _sold(shop, name.brands)
        if brands and not asked.brands and not name.categories and _means_brand(shop, name, brands, count):
            allowed, read = replace(allowed, brands=allowed.brands | brands), replace(read, brands=read.brands | brands)
        categories = name.categories if _means_category(shop, name, count) else frozenset()
        if name.whole and categories and not brands and not asked.categories:
            allowed, read = replace(allowed, categories=categories), replace(read, categories=categories)
        if brands or categories:
            named.append(Named(brands, categories))
    stated = tuple(_stated(shop, each) for each in reading.quantities if shop.traits.measures(each.kind))
    named += [Named(traits=each.numbers) for each in stated if each.numbers]
    read = replace(read, traits=tuple(trait for each in stated if (trait := _told(shop, each))))
    allowed, relaxed = replace(allowed, stated=stated), replace(priced, stated=stated)
    return Intent(allowed, read, relaxed, named, reading.contradiction or contradiction)


def _priced(reading: Reading, asked: Allowed) -> tuple[Allowed, str]:
    """The request's conditions with the limits of the words, and why both cannot be kept."""
    if not reading.priced:
        return asked, ""
    least, most = _float(reading.least), _float(reading.most)
    if asked.least is not None or asked.most is not None:
        if asked.currency != reading.currency:
            return asked, f"the words ask for prices in {reading.currency}, the filter for {asked.currency}"
        least = max((limit for limit in (least, asked.least) if limit is not None), default=None)
        most = min((limit for limit in (most, asked.most) if limit is not None), default=None)
    both = replace(asked, currency=reading.currency, least=least, most=most)
    if least is not None and most is not None and least > most:
        return both, f"words and filter together ask for at least {least:g} and at most {most:g} {reading.currency}"
    return both, ""


def _sold(shop: Shop, brands: frozenset[str]) -> frozenset[str]:
    return frozenset(brand for brand in brands if shop.facts.has_brand(brand))


def _means_brand(shop: Shop, name: Name, brands: frozenset[str], count: Callable[[str], float]) -> bool:
    """Whether nearly all products that have the name's words are of the brand: `Apple` is a fruit elsewhere."""
    return count(name.text) <= _OWN * shop.facts.of_brands(brands) + 1


def _means_category(shop: Shop, name: Name, count: Callable[[str], float]) -> bool:
    """Whether most products that have its words are in it: `tea` is in the name of many a cup."""
    having = shop.facts.in_categories(name.categories)
    return having > 0 and count(name.text) <= _MOSTLY * having


def _stated(shop: Shop, measure: Measure) -> Stated:
    return Stated(measure.said, measure.kind, tuple(shop.traits.stating(measure)))


def _told(shop: Shop, stated: Stated) -> tuple[str, frozenset[str]] | None:
    """The condition as a filter holds it; None: none can, of several attributes or of very many values."""
    values: dict[str, set[str]] = {}
    for name, value in (shop.traits.named[number] for number in stated.numbers):
        if name:
            values.setdefault(name, set()).add(value)
    if len(values) != 1:
        return None
    ((name, some),) = values.items()
    return (name, frozenset(some)) if len(some) <= _TOLD else None


def unspoken(shop: Shop, found: Sequence[int], stated: Sequence[Stated]) -> list[int]:
    """Those of what was found, best first, that state no other quantity than they should.

    Where the best one does, the quantity is of what is sought, and what states none of its kind is something else.
    """
    places = np.array(found, dtype=np.int64)
    kept = np.ones(len(places), dtype=bool)
    for each in stated:
        met = shop.having_any(places, each.numbers)
        other = shop.having_any(places, shop.traits.of_kind(each.kind)) & ~met
        kept &= met if other[:1].any() else ~other
    left: list[int] = places[kept].tolist()
    return left


def _float(amount: object) -> float | None:
    return None if amount is None else float(str(amount))
