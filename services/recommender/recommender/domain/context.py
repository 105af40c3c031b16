"""Where in the shop offers are shown."""

from __future__ import annotations

from enum import Enum


class Context(Enum):
    """A place for offers."""

    HOME = "home"
    PRODUCT_PAGE = "product_page"
    CART = "cart"
    AFTER_PURCHASE = "after_purchase"
    SEARCH_RESULTS = "search_results"
    EMAIL = "email"
