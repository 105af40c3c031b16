"""Which products each rule of a shop concerns, by place, worked out before anybody asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from recommender.domain.allowed import Allowed
from recommender.domain.columns import Flags
from recommender.domain.rules import Match, Rule
from recommender.domain.shop import Places, Shop

_AT_ONCE = 5_000  # places: 20 rules take 5 ms, after which requests have their turn


class RuleBook:
    """The rules of a shop with a flag per place each.

    Invariant: once every place was looked at, a flag is what `matching` says now, but for places that the shop has
    told it of since; `catch_up` looks at those again.
    """

    def __init__(self, shop: Shop, rules: Sequence[Rule]) -> None:
        self.shop, self.rules = shop, rules
        self._flags: Flags = np.zeros((1024, len(rules)), dtype=bool)  # by place: a request looks at some places
        self._done = 0  # places before it were looked at
        self._places: dict[int, Places] = {}  # of a rule, made when they are asked for
        self._touched: set[int] = set()
        shop.watching.add(self)

    def touch(self, place: int) -> None:
        """A product came, changed or went."""
        self._touched.add(place)

    def some(self) -> bool:
        """Look at some places; whether there are more."""
        places = np.arange(self._done, min(self._done + _AT_ONCE, len(self.shop.ids)))
        self._look(places)
        self._done += len(places)
        return self._done < len(self.shop.ids)

    def catch_up(self) -> None:
        """Look at all that is left, and again at what has changed."""
        while self._done < len(self.shop.ids):
            self.some()
        if self._touched:
            self._look(np.array(sorted(self._touched), dtype=np.int64))
            self._touched.clear()

    def places(self, row: int) -> Places:
        """Every place a rule concerns, however long its product is on sale."""
        found = self._places.get(row)
        if found is None:
            found = self._places[row] = np.flatnonzero(self._flags[:, row])
        return found

    def concerns(self, rows: Sequence[int], places: Places, now: int) -> Flags:
        """Which of the places each of some rules concerns at a time, (rows, places)."""
        flags = self._flags[places]
        found: Flags = np.ascontiguousarray((flags if len(rows) == len(self.rules) else flags[:, rows]).T)
        for index, row in enumerate(rows):
            age = self.rules[row].match.newer_than
            if age is not None:
                found[index] &= newer(self.shop, places, age, now)
        return found

    def _look(self, places: Places) -> None:
        if not len(places):
            return
        self._places.clear()
        room = len(self._flags)
        if int(places[-1]) >= room:
            more = np.zeros((max(2 * room, int(places[-1]) + 1) - room, len(self.rules)), dtype=bool)
            self._flags = np.concatenate([self._flags, more])
        for row, rule in enumerate(self.rules):
            self._flags[places, row] = matching(rule.match, self.shop, places)


def matching(match: Match, shop: Shop, places: Places) -> Flags:
    """Which of the places hold a product that meets every condition, but for how long it is on sale."""
    found = Allowed(
        match.categories,
        match.brands,
        match.currency,
        None if match.most is None else float(match.most),
        None if match.least is None else float(match.least),
        match.attributes,
        out_of_stock=True,
    ).fits(shop, places)
    if match.in_stock is not None:
        found &= shop.facts.columns.in_stock[places] == match.in_stock
    if match.product_ids:
        named = [place for each in match.product_ids if (place := shop.places.get(each)) is not None]
        found &= np.isin(places, named)
    return found


def newer(shop: Shop, places: Places, age: timedelta, now: int) -> Flags:
    """Which of the places hold a product that is on sale for no longer than `age`.

    One of unknown age is not new, and neither is one that will be on sale only later.
    """
    released = shop.facts.columns.released[places]
    found: Flags = (released > 0) & (released >= now - age // timedelta(milliseconds=1)) & (released <= now)
    return found
