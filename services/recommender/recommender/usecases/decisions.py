"""What a shop decides, as a request meets it: its coefficients, and the rules that hold."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from recommender.domain.context import Context
from recommender.domain.policy import SHIPPED
from recommender.domain.rulebook import RuleBook
from recommender.domain.rules import Customer
from recommender.domain.ruling import Ruling
from recommender.domain.score import Weights
from recommender.domain.shop import Shop
from recommender.usecases.world import World

NOBODY = Customer(known=False)  # nobody in particular: what some must not see is not shown


def _now() -> int:
    """Milliseconds since 1970."""
    return round(time.time() * 1000)


class Decisions:
    """The decisions of each shop."""

    def __init__(self, world: World, shipped: Weights, now: Callable[[], int] = _now) -> None:
        self._world, self._shipped, self.now = world, shipped, now
        self._books: dict[str, RuleBook] = {}

    def weights(self, tenant: str) -> tuple[Weights, str]:
        """The coefficients in force, and their version."""
        ranker = self._world.policies.ranker(tenant)
        if ranker is None:
            return self._shipped, SHIPPED
        return replace(self._shipped, learned=ranker.weights), ranker.version

    def ruling(self, shop: Shop, context: Context, customer: Customer) -> Ruling:
        """The rules that hold now."""
        return Ruling(shop, self._book(shop), self.now(), context, customer)

    async def renew(self, tenants: Iterable[str]) -> None:
        """Take over rules that changed, while requests have their turn; the rules before hold until then."""
        for tenant in tenants:
            shop = self._world.look(tenant)
            book = RuleBook(shop, self._world.policies.rules(tenant))
            while book.some():  # noqa: ASYNC110 - it is our own work
                await asyncio.sleep(0)
            self._books[tenant] = book

    def _book(self, shop: Shop) -> RuleBook | None:
        """None where there are no rules."""
        book = self._books.get(shop.tenant)
        if book is None or book.shop is not shop:  # nobody asked before, or the world was read again
            rules = self._world.policies.rules(shop.tenant)
            if not rules:
                return None
            book = self._books[shop.tenant] = RuleBook(shop, rules)
        if not book.rules:
            return None
        return book
