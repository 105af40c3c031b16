"""All that one shop decides, and what is wrong or odd about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

from recommender.domain.errors import Refusal
from recommender.domain.rules import (
    EVERYTHING,
    Boost,
    Bury,
    Diversity,
    Exclude,
    FreshQuota,
    IncludeOnly,
    Match,
    Pin,
    Repurchase,
    Rule,
)

SHIPPED = "shipped"  # version of the coefficients of the release
_SENSELESS: Mapping[type, str] = {  # of all products
    Exclude: "excludes everything",
    IncludeOnly: "includes only everything, which changes nothing",
    Pin: "pins everything",
    Bury: "buries everything",
}
_FAVOURING: Mapping[type, str] = {Pin: "pins", Boost: "boosts", FreshQuota: "keeps places for"}


class SenselessRule(Refusal):
    """A rule that cannot be meant."""


class UnknownTerm(Refusal):
    """A coefficient for a term that f(u,p) does not have."""


class Remark(NamedTuple):
    """Something its writer may not have meant."""

    rule_ids: Sequence[str]
    remark: str


@dataclass(frozen=True, slots=True)
class Ranker:
    """Coefficients that were learned for a shop."""

    version: str
    weights: Mapping[str, float]  # of the terms that it names
    record: bytes = field(default=b"", compare=False)


class Known(NamedTuple):
    """Whether the catalogue of a shop knows a name."""

    product: Callable[[str], bool]
    category: Callable[[str], bool]  # or one below it
    brand: Callable[[str], bool]


def checked(rule: Rule) -> Rule:
    """The rule itself; raises SenselessRule."""
    match = rule.match
    if match.least is not None and match.most is not None and match.least > match.most:
        given = f"{match.least} to {match.most} {match.currency}"
        raise SenselessRule("no price is in between", field="match.min_price", value=given,
                            remedy="let min_price be at most max_price")  # fmt: skip
    if rule.begins is not None and rule.ends is not None and rule.begins >= rule.ends:
        raise SenselessRule("the rule never holds", field="active_until", value=rule.rule_id,
                            remedy="let active_until be later than active_from")  # fmt: skip
    if match == EVERYTHING and type(rule.effect) in _SENSELESS:
        raise SenselessRule(_SENSELESS[type(rule.effect)], field="match", value=rule.rule_id,
                            remedy="say which products")  # fmt: skip
    return rule


def remarks(rules: Sequence[Rule], known: Known) -> list[Remark]:
    """What contradicts what, and which names nobody knows."""
    return [*_unknown(rules, known), *(Remark([a.rule_id, b.rule_id], why) for a, b, why in _pairs(rules))]


def _unknown(rules: Iterable[Rule], known: Known) -> Iterator[Remark]:
    for rule in rules:
        match = rule.match
        for what, named, there in (
            ("product", match.product_ids, known.product),
            ("category", match.categories, known.category),
            ("brand", match.brands, known.brand),
        ):
            for name in sorted(named):
                if not there(name):
                    yield Remark([rule.rule_id], f"{what} {name!r} is not in the catalogue: check how it is spelt")


def _pairs(rules: Sequence[Rule]) -> Iterator[tuple[Rule, Rule, str]]:
    for a, b in combinations(rules, 2):
        if not _meet(a, b):
            continue
        for one, other in ((a, b), (b, a)):
            if why := _against(one, other):
                yield one, other, why
        if why := _beside(a, b):
            yield a, b, why


def _against(one: Rule, other: Rule) -> str:
    """What of one rule comes to nothing because of the other."""
    mine, theirs = one.effect, other.effect
    within = _within(one.match, other.match)
    if isinstance(mine, IncludeOnly) and isinstance(theirs, Exclude) and within:
        return "nothing is left to offer: one includes only what the other excludes"
    if type(mine) in _FAVOURING and isinstance(theirs, Exclude) and within:
        return f"what one {_FAVOURING[type(mine)]} the other excludes: it is not offered"
    if isinstance(mine, Pin) and isinstance(theirs, IncludeOnly) and _apart(one.match, other.match):
        return "what one pins is not among what the other includes: it is not offered"
    if isinstance(mine, Pin) and isinstance(theirs, Bury) and within:
        return "what one pins the other buries: it stays where it is pinned"
    return ""


def _beside(a: Rule, b: Rule) -> str:
    """What two rules of one kind make of each other."""
    mine, theirs = a.effect, b.effect
    if isinstance(mine, IncludeOnly) and isinstance(theirs, IncludeOnly) and _apart(a.match, b.match):
        return "nothing is left to offer: no product is among both; put them into one rule"
    if isinstance(mine, Pin) and isinstance(theirs, Pin) and mine == theirs:  # (2,) equals any other kind's (2,)
        return f"both pin to place {mine.position}: the second comes after the first"
    if isinstance(mine, Repurchase) and isinstance(theirs, Repurchase) and a.match == b.match:
        return "both say when the same products are offered again: the later time holds"
    if isinstance(mine, Diversity) and isinstance(theirs, Diversity) and mine != theirs:
        return "both say how different offers are: the greater strength holds"
    return ""


def _meet(a: Rule, b: Rule) -> bool:
    """Whether both can hold at once."""
    if a.contexts and b.contexts and a.contexts.isdisjoint(b.contexts):
        return False
    if (a.ends is not None and b.begins is not None and a.ends <= b.begins) or (
        b.ends is not None and a.begins is not None and b.ends <= a.begins
    ):
        return False
    pairs = zip(_groups(a), _groups(b), strict=True)
    return not any(mine and theirs and mine.isdisjoint(theirs) for mine, theirs in pairs)


def _groups(rule: Rule) -> tuple[frozenset[str], ...]:
    return rule.audience.tiers, rule.audience.regions, rule.audience.languages


def _within(inner: Match, outer: Match) -> bool:
    """Whether whatever one concerns the other concerns too, as far as their conditions tell."""
    return (
        _narrower(inner.product_ids, outer.product_ids)
        and _narrower(inner.brands, outer.brands)
        and (not outer.categories or bool(inner.categories))
        and all(any(_below(mine, theirs) for theirs in outer.categories or [mine]) for mine in inner.categories)
        and all(
            any(name == wanted and _narrower(mine, values) for wanted, mine in inner.attributes)
            for name, values in outer.attributes
        )
        and _priced_within(inner, outer)
        and (outer.newer_than is None or (inner.newer_than is not None and inner.newer_than <= outer.newer_than))
        and outer.in_stock in {None, inner.in_stock}
    )


def _narrower(inner: frozenset[str], outer: frozenset[str]) -> bool:
    """Whether any of the one are any of the other; none given is any at all."""
    return not outer or (bool(inner) and inner <= outer)


def _priced_within(inner: Match, outer: Match) -> bool:
    if outer.least is None and outer.most is None:
        return True
    return (
        inner.currency == outer.currency
        and (outer.least is None or (inner.least is not None and inner.least >= outer.least))
        and (outer.most is None or (inner.most is not None and inner.most <= outer.most))
    )


def _apart(a: Match, b: Match) -> bool:
    """Whether no product can be in both, as far as names, stock and prices tell."""
    if None not in {a.in_stock, b.in_stock} and a.in_stock != b.in_stock:
        return True
    if a.currency and b.currency and (a.currency != b.currency or _above(a, b) or _above(b, a)):
        return True
    if a.product_ids and b.product_ids and a.product_ids.isdisjoint(b.product_ids):
        return True
    if a.brands and b.brands and a.brands.isdisjoint(b.brands):
        return True
    related = any(_below(one, other) or _below(other, one) for one in a.categories for other in b.categories)
    return bool(a.categories and b.categories and not related)


def _above(a: Match, b: Match) -> bool:
    """Whether the lowest price of one is higher than the highest of the other."""
    return a.least is not None and b.most is not None and a.least > b.most


def _below(category: str, other: str) -> bool:
    return category == other or category.startswith(f"{other}/")
