"""How much an appeal (`price`, `quality`, `new`, `remind`) speaks to a person, for one product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from content.domain.customer import Customer
from content.domain.product import Product

NEUTRAL = 0.5  # an appeal that nothing is known about
_SHRINK = 2.0  # clicks that the person's own responses must outweigh before they count as much as what is expected
_RATE = 0.1  # click rate expected of someone without any response


@dataclass(frozen=True, slots=True)
class Response:
    """How a person responded to the texts of one appeal."""

    shown: int = 0
    clicked: int = 0


def affinity(appeal: str, customer: Customer, product: Product, responses: Mapping[str, Response]) -> float:
    """Expectation × lift, greater than 0: what the profile lets expect, times how the person responded until now."""
    return _expected(appeal, customer, product) * _lift(appeal, responses)


def _expected(appeal: str, customer: Customer, product: Product) -> float:
    """In (0, 1], NEUTRAL where nothing speaks for or against."""
    if not customer.known:
        return NEUTRAL
    if appeal in {"price", "quality"}:
        cheap = _cheapness(customer, product)
        brand = customer.brands.get(product.brand, 0.0) / 2 if appeal == "quality" else 0.0
        return min(1.0, (cheap if appeal == "price" else 1 - cheap) + brand)
    category = max(
        (share for name, share in customer.categories.items() if _is_below(product.category, name)), default=0.0
    )
    if appeal == "remind":
        return 0.9 if product.product_id in customer.seen else 0.1 + 0.5 * category
    if appeal == "new":
        return 0.1 if product.product_id in customer.seen else 0.4 + 0.4 * category
    return NEUTRAL


def _cheapness(customer: Customer, product: Product) -> float:
    """0.8 for a price below the person's lower quartile, 0.2 above the upper one, in proportion between them."""
    band, price = customer.prices, product.price
    if band is None or price is None or price.currency != band.currency:
        return NEUTRAL
    amount = Decimal(price.amount)
    if band.high == band.low:
        return NEUTRAL if amount == band.low else (0.8 if amount < band.low else 0.2)
    place = min(1.0, max(0.0, float((amount - band.low) / (band.high - band.low))))
    return 0.8 - 0.6 * place


def _lift(appeal: str, responses: Mapping[str, Response]) -> float:
    """Clicks on this appeal over those expected at the person's own rate, shrunk to 1."""
    shown, clicked = sum(r.shown for r in responses.values()), sum(r.clicked for r in responses.values())
    rate = (clicked + 10 * _RATE) / (max(shown, clicked) + 10)
    own = responses.get(appeal, Response())
    return (own.clicked + _SHRINK) / (max(own.shown, own.clicked) * rate + _SHRINK)


def _is_below(category: str, parent: str) -> bool:
    return bool(parent) and (category == parent or category.startswith(f"{parent}/"))
