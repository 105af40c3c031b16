"""Products that behaviour names before they are here: waited for, but not for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta

from needs.domain.products import ProductTable

CaughtUp = Callable[[], Awaitable[bool]]  # whether all products that the log holds now are in the table
_LOOK = 0.05  # seconds
_MOST_MISSED = 10_000  # bounds memory under a flood of invented ids


class ProductsBehind(TimeoutError):
    """The products of the log are not read to their end yet. An outage: whether one is unknown cannot be told now."""


class Arrivals:
    """Before a product is called unknown, the log is read to its end, and who computes vectors gets a moment."""

    def __init__(
        self,
        table: ProductTable,
        caught_up: CaughtUp,
        clock: Callable[[], float],
        *,
        wait: timedelta,
        missed_for: timedelta,
    ) -> None:
        """`wait`: how long a product may take to arrive; `missed_for`: how long it is not waited for again."""
        self._table, self._caught_up, self._clock = table, caught_up, clock
        self._wait, self._missed_for = wait.total_seconds(), missed_for.total_seconds()
        self._missed: dict[tuple[str, str], float] = {}  # → until when it is not waited for

    async def wait_for(self, products: Collection[tuple[str, str]]) -> None:
        """Return when all of these (tenant, product id) are known, or those that are not will not come.

        Raises ProductsBehind while the log of products is not read to its end.
        """
        now = self._clock()
        missing = self._missing(products)
        given_up = all(self._missed.get(product, 0.0) > now for product in missing)
        until = now if given_up else now + self._wait  # what was just loaded is read in either case
        while missing:
            if not await self._caught_up():
                raise ProductsBehind("products are still being read from the log")
            missing = self._missing(missing)
            if self._clock() >= until:
                break
            await asyncio.sleep(_LOOK if missing else 0)
        self._remember(missing)

    def _missing(self, products: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
        return [product for product in products if self._table.name_of(*product) is None]

    def _remember(self, missing: Collection[tuple[str, str]]) -> None:
        if len(self._missed) > _MOST_MISSED:
            self._missed.clear()
        self._missed |= dict.fromkeys(missing, self._clock() + self._missed_for)
