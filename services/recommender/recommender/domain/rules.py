"""What a shopkeeper decides about offers, one rule at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from recommender.domain.context import Context

OF_AGE = 18  # where a rule does not say
Wanted = tuple[tuple[str, frozenset[str]], ...]  # name → any of these values, in small letters; none: any value


@dataclass(frozen=True, slots=True)
class Match:
    """Which products a rule concerns: those that meet every condition given."""

    product_ids: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()  # or below them
    brands: frozenset[str] = frozenset()
    attributes: Wanted = ()
    currency: str = ""  # of the prices
    least: Decimal | None = None
    most: Decimal | None = None
    newer_than: timedelta | None = None
    in_stock: bool | None = None  # None: whichever


EVERYTHING = Match()


class Customer(NamedTuple):
    """What of a person decides whether a rule holds."""

    tier: str = ""
    region: str = ""
    language: str = ""
    attributes: Mapping[str, str] = {}
    known: bool = True  # False: whoever could tell is away


@dataclass(frozen=True, slots=True)
class Audience:
    """For whom a rule holds: those who meet every condition given."""

    tiers: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    attributes: Wanted = ()

    def has(self, customer: Customer) -> bool:
        """Whether someone belongs to it; a language holds for its dialects too."""
        return (
            (not self.tiers or customer.tier in self.tiers)
            and (not self.regions or customer.region in self.regions)
            and (not self.languages or not self.languages.isdisjoint(_tags(customer.language)))
            and all(_told(customer.attributes.get(name), values) for name, values in self.attributes)
        )


EVERYBODY = Audience()


class Exclude(NamedTuple):
    """Never offered."""


class IncludeOnly(NamedTuple):
    """Nothing else is offered."""


class Pin(NamedTuple):
    """They come first."""

    position: int  # from 1; the next ones stand after it


class Bury(NamedTuple):
    """They come last."""


class Boost(NamedTuple):
    """Their score is raised, or lowered."""

    by: float


class BrandCap(NamedTuple):
    """Not too many of one brand."""

    most: int


class Diversity(NamedTuple):
    """Offers that differ from each other."""

    strength: float  # in [0, 1]


class FreshQuota(NamedTuple):
    """Some places are for new products."""

    share: float  # in (0, 1]
    age: timedelta


class AdultsOnly(NamedTuple):
    """For those who are known to be of age."""

    age: int


class Repurchase(NamedTuple):
    """Whether they are offered again to those who bought them."""

    after: timedelta | None  # None: never


_WITHHOLDING = (Exclude, IncludeOnly, AdultsOnly)
Effect = Exclude | IncludeOnly | Pin | Bury | Boost | BrandCap | Diversity | FreshQuota | AdultsOnly | Repurchase


@dataclass(frozen=True, slots=True)
class Rule:
    """One decision."""

    tenant: str
    rule_id: str
    effect: Effect
    match: Match = EVERYTHING
    audience: Audience = EVERYBODY
    contexts: frozenset[Context] = frozenset()  # empty: everywhere
    begins: int | None = None  # milliseconds since 1970
    ends: int | None = None
    reason: str = ""
    record: bytes = field(default=b"", compare=False)  # as it was sent, for those who ask for it

    @property
    def name(self) -> str:
        """What it does, such as `include_only`."""
        return _NAME.sub("_", type(self.effect).__name__).lower()

    @property
    def personal(self) -> bool:
        """Whether it looks at who somebody is."""
        return self.audience != EVERYBODY or isinstance(self.effect, AdultsOnly)

    def holds(self, now: int, context: Context, customer: Customer) -> bool:
        """Whether it holds then, there and for this person.

        While nobody can tell who somebody is, what an audience must not see is shown to no one.
        """
        if (self.begins is not None and now < self.begins) or (self.ends is not None and now >= self.ends):
            return False
        if self.contexts and context not in self.contexts:
            return False
        if self.audience == EVERYBODY:
            return True
        return self.audience.has(customer) if customer.known else isinstance(self.effect, _WITHHOLDING)


_NAME = re.compile(r"(?<=[a-z])(?=[A-Z])")


def of_age(customer: Customer, age: int, now: int) -> bool:
    """Whether the shop's record of a person says so: `birth_date`, `age`, or `adult` for the usual age."""
    told = customer.attributes
    if "birth_date" in told:
        return _years(told["birth_date"], now) >= age
    if told.get("age", "").isascii() and told.get("age", "").isdecimal():
        return int(told["age"][:4]) >= age
    return age <= OF_AGE and told.get("adult", "").strip().lower() == "true"


def _years(birth_date: str, now: int) -> int:
    """Birthdays so far; -1 for what is no date. Who was born on 29 February has theirs on 1 March in other years."""
    try:
        born = date.fromisoformat(birth_date)
    except ValueError:
        return -1
    today = datetime.fromtimestamp(now / 1000, UTC).date()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _told(value: str | None, values: frozenset[str]) -> bool:
    return value is not None and (not values or value.casefold() in values)


def _tags(language: str) -> Iterable[str]:
    """`zh-Hant-TW`, `zh-Hant`, `zh`."""
    while language:
        yield language
        language = language.rpartition("-")[0]
