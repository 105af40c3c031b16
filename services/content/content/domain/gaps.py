"""Templates: texts with gaps that a product fills."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from content.domain.languages import primary, tag, value
from content.domain.product import Money, Product

GAPS = "{title}, {brand}, {price}, {category} and {attribute.<name>}"
_TOKEN = re.compile(r"(\{\{|\}\})|\{([^{}]*)\}|([{}])")
_PLAIN = ("title", "brand", "price", "category")
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "CNY": "¥", "JPY": "¥"}


class BadTemplate(Exception):
    """A template that no product can fill."""

    field = "body"
    remedy = f"use the gaps {GAPS}, and double a brace that is meant"

    def __init__(self, body: str, why: str) -> None:
        self.value = body
        super().__init__(f"{why}; {self.remedy}")


class Unfilled(Exception):
    """The product does not say what a gap asks for."""

    def __init__(self, gap: str) -> None:
        super().__init__(f"the product record has nothing for {{{gap}}}")


@dataclass(frozen=True, slots=True)
class Template:
    """A text with gaps."""

    tenant: str
    template_id: str
    channel: str
    language: str
    body: str
    max_chars: int = 0  # 0: no limit
    appeal: str = ""


@dataclass(frozen=True, slots=True)
class Filled:
    """A template's text for one product."""

    text: str
    own: float  # share of the filled gaps whose value is in the text's own language, in [0, 1]


def gaps(body: str) -> list[str]:
    """The gaps of a body in its order; raises BadTemplate for a stray brace and for a gap that products do not have."""
    found = []
    for match in _TOKEN.finditer(body):
        _, name, stray = match.groups()
        if stray:
            raise BadTemplate(body, f"a single {stray!r} at character {match.start() + 1} opens or closes no gap")
        if name is not None:
            if name not in _PLAIN and not (name.startswith("attribute.") and len(name) > len("attribute.")):
                raise BadTemplate(body, f"{{{name}}} is no gap")
            found.append(name)
    return found


@lru_cache(maxsize=4_096)  # bodies of some hundred shops
def _gaps(body: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(gaps(body)))


def fill(template: Template, product: Product) -> Filled:
    """The text for a product; raises Unfilled with the first gap it leaves open."""
    values = {name: _value(name, product, template.language) for name in _gaps(template.body)}
    own = [is_own for _, is_own in values.values()]
    text = _TOKEN.sub(lambda m: m[1][0] if m[1] else values[m[2]][0], template.body)
    return Filled(text, sum(own) / len(own) if own else 1.0)


def price_text(price: Money, language: str) -> str:
    """A price as shoppers of a language read it: `€19.90`, `19.90元`, `19.90 CHF`."""
    if price.currency == "CNY" and primary(language) == "zh":
        return f"{price.amount}元"
    symbol = _SYMBOLS.get(price.currency)
    return f"{symbol}{price.amount}" if symbol else f"{price.amount} {price.currency}"


def any_value(values: Mapping[str, str], language: str) -> tuple[str, bool] | None:
    """A name in the language, or else in another one: names travel. With whether it is the language's own."""
    own = value(values, language)
    if own is not None:
        return own, True
    other = next((text for _, text in sorted(values.items(), key=_english_first) if text.strip()), None)
    return None if other is None else (other, False)


def _value(gap: str, product: Product, language: str) -> tuple[str, bool]:
    found = _look_up(gap, product, language)
    if found is None:
        raise Unfilled(gap)
    return found


def _look_up(gap: str, product: Product, language: str) -> tuple[str, bool] | None:
    if gap == "title":
        return any_value(product.title, language)
    if gap == "category":
        return any_value(product.category_name, language)
    if gap == "brand":
        return (product.brand, True) if product.brand else None
    if gap == "price":
        return (price_text(product.price, language), True) if product.price else None
    text = value(product.attributes.get(gap.removeprefix("attribute."), {}), language)
    return None if text is None else (text, True)


def _english_first(item: tuple[str, str]) -> tuple[bool, str]:
    return primary(item[0]) != "en", tag(item[0])
