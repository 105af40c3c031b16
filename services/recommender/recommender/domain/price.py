"""Amounts of money, and ranges of them."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from recommender.domain.errors import ImpossiblePrice


class Price(NamedTuple):
    """An amount of one currency."""

    currency: str  # ISO 4217
    amount: Decimal

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} {self.currency}"


def between(least: Price | None, most: Price | None) -> tuple[str, float | None, float | None]:
    """The currency of both limits, and the limits. Raises ImpossiblePrice where no price keeps them."""
    if least and most and least.currency != most.currency:
        raise ImpossiblePrice(str(least), str(most), "give both limits in one currency")
    if least and most and least.amount > most.amount:
        raise ImpossiblePrice(str(least), str(most), f"exchange them, or leave {least} out")
    currency = next((limit.currency for limit in (least, most) if limit), "")
    return currency, None if least is None else float(least.amount), None if most is None else float(most.amount)
