"""Versions of product records, with what was worked out of each."""

from __future__ import annotations

from collections import OrderedDict

from content.domain.facts import FactChecker, Rules
from content.domain.gaps import Filled, Template, Unfilled, fill
from content.domain.product import Product

_PRODUCTS = 500  # each with up to 64 texts of some 1.5 KB
_TEMPLATES = 64


class Record:
    """One version of a product record. Invariant: what it keeps depends on this version, the rules and texts alone."""

    def __init__(self, product: Product, rules: Rules) -> None:
        self.product, self.checker = product, FactChecker(product, rules)
        self._filled: dict[Template, Filled | Unfilled] = {}

    def fill(self, template: Template) -> Filled | Unfilled:
        """The template's text, or why there is none."""
        held = self._filled.get(template)
        if held is None:
            if len(self._filled) >= _TEMPLATES:
                self._filled.clear()
            try:
                held = fill(template, self.product)
            except Unfilled as gap:
                held = gap.with_traceback(None)
            self._filled[template] = held
        return held


class Records:
    """The records that were asked for last. Of a product that changed nothing of the old version is left."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._held: OrderedDict[tuple[str, str], Record] = OrderedDict()

    def of(self, product: Product) -> Record:
        """The record of this very version."""
        key = (product.tenant, product.product_id)
        held = self._held.get(key)
        if held is None or held.product != product:
            held = self._held[key] = Record(product, self._rules)
        self._held.move_to_end(key)
        if len(self._held) > _PRODUCTS:
            self._held.popitem(last=False)
        return held
