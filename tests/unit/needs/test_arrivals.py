"""Waiting for products that behaviour names before they are here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from needs.arrivals import Arrivals, ProductsBehind
from needs.domain.products import Product, ProductTable


class Log:
    """A product log that brings something at each look."""

    def __init__(self, table: ProductTable, *, read: bool = True, brings: str = "") -> None:
        self.table, self.read, self.brings, self.looks = table, read, brings, 0

    async def caught_up(self) -> bool:
        self.looks += 1
        if self.brings:
            self.table.put(Product("shop", self.brings, None))
        return self.read


def steps(by: float) -> Callable[[], float]:
    now = iter(i * by for i in range(1_000))
    return lambda: next(now)


def arrivals(log: Log, clock: Callable[[], float]) -> Arrivals:
    return Arrivals(log.table, log.caught_up, clock, wait=timedelta(seconds=0.5), missed_for=timedelta(seconds=5))


async def test_known_products_are_not_waited_for(table: Any) -> None:
    log = Log(table)
    await arrivals(log, steps(0)).wait_for({("shop", "p1")})
    assert log.looks == 0


async def test_a_product_on_its_way_is_waited_for(table: Any) -> None:
    log = Log(table, brings="new")
    await arrivals(log, steps(0.01)).wait_for({("shop", "new")})
    assert table.name_of("shop", "new") is not None


async def test_one_that_does_not_come_is_not_waited_for_again_for_a_while(table: Any) -> None:
    log, clock = Log(table), steps(0.3)
    waiting = arrivals(log, clock)
    await waiting.wait_for({("shop", "invented")})
    looks = log.looks
    await waiting.wait_for({("shop", "invented")})
    assert log.looks == looks + 1  # whether the log has it by now, no more
    for _ in range(20):
        clock()  # six seconds
    await waiting.wait_for({("shop", "invented")})
    assert log.looks > looks + 2


async def test_one_that_did_not_come_and_then_is_loaded_counts_at_once(table: Any) -> None:
    log = Log(table)
    waiting = arrivals(log, steps(0.3))
    await waiting.wait_for({("shop", "late")})
    log.brings = "late"
    await waiting.wait_for({("shop", "late")})
    assert table.name_of("shop", "late") is not None


async def test_while_the_log_is_not_read_to_its_end_nothing_is_called_unknown(table: Any) -> None:
    with pytest.raises(ProductsBehind):
        await arrivals(Log(table, read=False), steps(0.3)).wait_for({("shop", "later")})
