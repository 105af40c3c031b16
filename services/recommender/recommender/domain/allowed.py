"""Which products of a shop may be offered."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from recommender.domain.columns import Flags
from recommender.domain.product import Product, above
from recommender.domain.shop import Places, Shop

Wanted = tuple[tuple[str, frozenset[str]], ...]  # name → any of these values; none: any value


class Stated(NamedTuple):
    """A quantity that some attribute or the title must state."""

    said: str  # for whoever asked
    kind: str
    numbers: tuple[int, ...]  # of what states it, of whatever name


@dataclass(frozen=True, slots=True)
class Allowed:
    """Which products may be offered; empty means all."""

    categories: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    currency: str = ""
    most: float | None = None  # price, in `currency`
    least: float | None = None  # likewise
    traits: Wanted = ()  # all of them
    excluded: frozenset[str] = frozenset()  # product ids
    out_of_stock: bool = False  # offered too, and so is what will be on sale only later
    seen: bool = False  # offered too
    now: int = 0  # milliseconds since 1970; 0: what will be on sale only later is not looked for
    stated: tuple[Stated, ...] = ()  # all of them

    def fits(self, shop: Shop, places: Places) -> Flags:
        """Which of the places hold a product that may be offered."""
        return self._further(shop, places, self._plain(shop, places))

    def everywhere(self, shop: Shop) -> Places:
        """Every place that holds a product that may be offered.

        What few pass is looked at last: a whole column costs less than the parts of it that are picked out.
        """
        passing = np.flatnonzero(self._plain(shop, slice(len(shop.ids))))
        return passing[self._further(shop, passing, np.ones(len(passing), dtype=bool))]

    def _plain(self, shop: Shop, places: Places | slice) -> Flags:
        """By the columns alone."""
        columns = shop.facts.columns
        fine: Flags = columns.there[places] & (self.out_of_stock | columns.in_stock[places])
        if self.now and not self.out_of_stock:
            fine &= columns.released[places] <= self.now
        if self.brands:
            fine &= shop.facts.brands.chosen(self.brands)[columns.brand[places]]
        if self.categories:
            fine &= shop.facts.categories.chosen(self.categories)[columns.category[places]]
        if self.most is not None or self.least is not None:
            fine &= shop.facts.currencies.chosen([self.currency])[columns.currency[places]]
            fine &= (columns.amount[places] <= _or(self.most, math.inf)) & (
                columns.amount[places] >= _or(self.least, 0.0)
            )
        return fine

    def _further(self, shop: Shop, places: Places, fine: Flags) -> Flags:
        for name, values in self.traits:
            fine[fine] = shop.having(np.asarray(places)[fine], name, values)
        for stated in self.stated:
            fine[fine] = shop.having_any(np.asarray(places)[fine], stated.numbers)
        if self.excluded:
            fine &= ~np.isin(places, [at for each in self.excluded if (at := shop.places.get(each)) is not None])
        return fine

    def why_not(self, shop: Shop, place: int) -> str:
        """What keeps the product of a place from being offered; empty: nothing."""
        product = shop.at(place)
        reasons = {
            "out of stock": not (self.out_of_stock or product.in_stock),
            "on sale only later": not self.out_of_stock and 0 < self.now < product.released,
            "brand": self.brands and product.brand not in self.brands,
            "category": self.categories and self.categories.isdisjoint(above(product.category)),
            "price": not self._affords(product),
            "attribute": not all(shop.having(np.array([place]), *trait)[0] for trait in self.traits),
            "quantity": not all(shop.having_any(np.array([place]), each.numbers)[0] for each in self.stated),
            "asked not to be": product.key.product_id in self.excluded,
        }
        return next((why for why, holds in reasons.items() if holds), "")

    @property
    def narrow(self) -> bool:
        """Whether more than being in stock is asked of a product."""
        limits = (self.most, self.least)
        return bool(self.brands or self.categories or self.by_trait) or limits != (None, None)

    @property
    def by_trait(self) -> bool:
        """Whether something is asked that no column holds."""
        return bool(self.traits or self.stated)

    def _affords(self, product: Product) -> bool:
        if self.most is None and self.least is None:
            return True
        if product.amount is None or product.currency != self.currency:
            return False
        return _or(self.least, 0.0) <= float(product.amount) <= _or(self.most, math.inf)


def _or(limit: float | None, otherwise: float) -> float:
    return otherwise if limit is None else limit
