"""What the rules of a shop say at one moment, in one place, to one person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import numpy as np

from recommender.domain.columns import Flags
from recommender.domain.context import Context
from recommender.domain.history import Done, History
from recommender.domain.newest import LOOKED_AT
from recommender.domain.rulebook import RuleBook, newer
from recommender.domain.rules import (
    AdultsOnly,
    Boost,
    BrandCap,
    Bury,
    Customer,
    Diversity,
    Exclude,
    FreshQuota,
    IncludeOnly,
    Pin,
    Repurchase,
    Rule,
    of_age,
)
from recommender.domain.shop import Places, Shop, Values

_FORBIDDING = (Exclude, AdultsOnly)


class Ruling:
    """The rules that hold, applied to places. Without rules it allows everything and changes nothing."""

    def __init__(self, shop: Shop, book: RuleBook | None, now: int, context: Context, customer: Customer) -> None:
        self._shop, self._book, self.now = shop, book, now
        rules = [] if book is None else book.rules
        held = [(row, rule) for row, rule in enumerate(rules) if rule.holds(now, context, customer)]
        self._held = [
            (row, rule)
            for row, rule in held
            if not (isinstance(rule.effect, AdultsOnly) and of_age(customer, rule.effect.age, now))
        ]
        self._at = {row: index for index, (row, _) in enumerate(self._held)}
        self._looked_at: Places | None = None
        self._flags: Flags = np.zeros((0, 0), dtype=bool)
        self._hard = [each for each in self._held if isinstance(each[1].effect, (*_FORBIDDING, IncludeOnly))]
        self._only = np.array([isinstance(rule.effect, IncludeOnly) for _, rule in self._hard], dtype=bool)

    def __bool__(self) -> bool:
        return bool(self._held)

    def permits(self, places: Places) -> Flags:
        """Which of the places hold a product that no rule forbids."""
        concerned = self._concerns(self._hard, places)
        fine: Flags = concerned[self._only].all(axis=0) & ~concerned[~self._only].any(axis=0)
        return fine

    def permitted(self, places: Places, fine: Flags) -> Places:
        """Those of the places that are `fine` and hold a product that no rule forbids."""
        some = np.flatnonzero(fine & self.permits(places))
        left = places[some]
        if self._looked_at is places:  # what was looked up of all is what the next ones ask of those left
            self._looked_at, self._flags = left, self._flags[:, some]
        return left

    def forbidding(self, places: Places) -> list[tuple[Rule, int]]:
        """The rules that forbid, each with how many of the places it alone leaves out."""
        found = []
        for (_, rule), concerned in zip(self._hard, self._concerns(self._hard, places), strict=True):
            out = int(np.count_nonzero(~concerned if isinstance(rule.effect, IncludeOnly) else concerned))
            found += [(rule, out)] if out else []
        return found

    def capping(self, places: Places) -> list[tuple[Rule, int]]:
        """The rules that let only so many of a brand be offered, each with how many of the places that leaves out."""
        rows, brands = self._with(BrandCap), self._shop.brands[places]
        found = []
        for (_, rule), concerned in zip(rows, self._concerns(rows, places), strict=True):
            if isinstance(rule.effect, BrandCap):
                of_brand = np.bincount(brands[concerned & (brands > 0)])
                out = int(np.maximum(of_brand - rule.effect.most, 0).sum())
                found += [(rule, out)] if out else []
        return found

    def boosts(self, places: Places) -> Values | None:
        """What is added to each score; None: nothing to any."""
        rows = self._with(Boost)
        if not rows:
            return None
        by = np.array([rule.effect.by for _, rule in rows if isinstance(rule.effect, Boost)])
        added: Values = by @ self._concerns(rows, places)
        return added

    def buried(self, places: Places) -> Flags:
        """Which of the places come last."""
        found: Flags = np.zeros(len(places), dtype=bool)
        for concerned in self._concerns(self._with(Bury), places):
            found |= concerned
        return found

    def pinned(self, places: Places) -> list[tuple[int, Flags]]:
        """From which position, and which of the places are pinned there; lowest position first."""
        rows = sorted(self._with(Pin), key=lambda each: (_position(each[1]), each[1].rule_id))
        flags = self._concerns(rows, places)
        return [(_position(rule), concerned) for (_, rule), concerned in zip(rows, flags, strict=True)]

    def caps(self, places: Places) -> list[tuple[int, Flags]]:
        """How many of a brand there may be among which of the places."""
        rows = self._with(BrandCap)
        flags = self._concerns(rows, places)
        return [
            (rule.effect.most, concerned)
            for (_, rule), concerned in zip(rows, flags, strict=True)
            if isinstance(rule.effect, BrandCap)
        ]

    def quotas(self, places: Places) -> list[tuple[float, Flags]]:
        """Which part of the offers is for which of the places, which are new."""
        rows = self._with(FreshQuota)
        return [
            (rule.effect.share, concerned & newer(self._shop, places, rule.effect.age, self.now))
            for (_, rule), concerned in zip(rows, self._concerns(rows, places), strict=True)
            if isinstance(rule.effect, FreshQuota)
        ]

    @property
    def diversity(self) -> float | None:
        """How different offers should be; None: no rule says."""
        said = [rule.effect.strength for _, rule in self._with(Diversity) if isinstance(rule.effect, Diversity)]
        return max(said, default=None)

    def wanted(self, most: int, *, new: int) -> list[int]:
        """Places that rules want to be looked at: pinned ones, new ones, those that are offered alone.

        At most so many of each rule, and of the new ones.
        """
        found: dict[int, None] = {}
        if self._book is None:
            return []
        only = [row for row, rule in self._hard if isinstance(rule.effect, IncludeOnly)]
        narrowest = min(only, key=lambda row: len(self._places(row)), default=None)
        for row in [row for row, _ in self._with(Pin)] + ([] if narrowest is None else [narrowest]):
            found |= dict.fromkeys(self._places(row)[:most].tolist())
        for row, rule in self._with(FreshQuota):
            if isinstance(rule.effect, FreshQuota):
                found |= dict.fromkeys(self._new(row, rule, rule.effect.age, new))
        return list(found)

    def _new(self, row: int, rule: Rule, age: timedelta, most: int) -> list[int]:
        """The newest places that a rule concerns: where it can be, of the newest of the shop."""
        since = self.now - age // timedelta(milliseconds=1)
        newest = np.array(self._shop.newest.since(since, LOOKED_AT, self.now), dtype=np.int64)
        (concerned,) = self._concerns([(row, rule)], newest)
        found: list[int] = newest[concerned][:most].tolist()
        if len(found) == most or (len(newest) < LOOKED_AT and self._shop.newest.reaches(since)):
            return found
        places = self._places(row)
        places = places[newer(self._shop, places, age, self.now)]
        order = np.argsort(-self._shop.facts.columns.released[places], kind="stable")
        some: list[int] = places[order[:most]].tolist()
        return some

    def without(self, history: History, *, seen: bool) -> Mapping[int, str]:
        """Places that are not offered for what the person did with them → why; `seen` ones only where rules say so."""
        dealt = {} if seen else {place: _why(item.done) for place, item in history.items.items()}
        rows = self._with(Repurchase)
        bought = [place for place, item in history.items.items() if item.done & Done.BOUGHT]
        if not rows or not bought:
            return dealt
        for place, concerned in zip(bought, self._concerns(rows, np.array(bought)).T, strict=True):
            said = [rule for (_, rule), so in zip(rows, concerned, strict=True) if so]
            if not said:
                continue
            since = timedelta(milliseconds=self.now - history.items[place].bought)
            waits = [rule.effect.after for rule in said if isinstance(rule.effect, Repurchase)]
            if all(wait is not None and since >= wait for wait in waits):
                if not history.items[place].done & Done.REFUSED:
                    dealt.pop(place, None)
            else:
                dealt[place] = "bought before"
        return dealt

    def moving(self, places: Places) -> list[list[Rule]]:
        """For each of the places, the rules that move its product or keep a place for it."""
        rows = [each for each in self._held if isinstance(each[1].effect, Pin | Bury | Boost | FreshQuota)]
        flags = self._concerns(rows, places)
        for index, (_, rule) in enumerate(rows):
            if isinstance(rule.effect, FreshQuota):
                flags[index] &= newer(self._shop, places, rule.effect.age, self.now)
        rules = [rule for _, rule in rows]
        return [[rule for rule, so in zip(rules, column, strict=True) if so] for column in flags.T.tolist()]

    def about(self, place: int) -> list[Rule]:
        """All that hold and concern the product of a place."""
        return [
            rule
            for (_, rule), so in zip(self._held, self._concerns(self._held, np.array([place]))[:, 0], strict=True)
            if so or (isinstance(rule.effect, IncludeOnly) and not so)
        ]

    def why_not(self, place: int) -> Rule | None:
        """A rule that forbids the product of a place; None: no rule does."""
        return next((rule for rule, _ in self.forbidding(np.array([place]))), None)

    def _places(self, row: int) -> Places:
        if self._book is None:
            return np.zeros(0, dtype=np.int64)
        self._book.catch_up()
        return self._book.places(row)

    def _with(self, kind: type) -> list[tuple[int, Rule]]:
        return [each for each in self._held if isinstance(each[1].effect, kind)]

    def _concerns(self, rows: Sequence[tuple[int, Rule]], places: Places) -> Flags:
        """Of some of the rules that hold, (rows, places). All are looked up at once: the next one asks the same."""
        if not rows or self._book is None:
            return np.zeros((0, len(places)), dtype=bool)
        if self._looked_at is not places:
            self._book.catch_up()  # products may have changed since the request began
            self._flags = self._book.concerns([row for row, _ in self._held], places, self.now)
            self._looked_at = places
        return self._flags[[self._at[row] for row, _ in rows]]


def _position(rule: Rule) -> int:
    return rule.effect.position if isinstance(rule.effect, Pin) else 1


def _why(done: int) -> str:
    return "bought before" if done & Done.BOUGHT else "disliked" if done & Done.REFUSED else "seen before"
