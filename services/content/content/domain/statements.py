"""What a generator may state of a product, in one language."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from content.domain.gaps import any_value, price_text
from content.domain.languages import primary, value
from content.domain.product import Product

Phrases = Mapping[str, Mapping[str, str]]  # language → attribute → phrase with `{value}`
_MOST = 3  # properties in one text: more are not read
_SEPARATORS = {"zh": "、"}


def statements(product: Product, language: str, phrases: Phrases, interest: Callable[[str], float]) -> dict[str, str]:
    """Name → words: title, brand, category, price, `highlight` and `highlights`, as far as the record has them.

    `interest` says how much a phrase meets the person's need; the properties that meet it most come first.
    """
    title, category = any_value(product.title, language), any_value(product.category_name, language)
    told = {
        "title": title[0] if title else "",
        "brand": product.brand,
        "category": category[0] if category and category[1] else "",
        "price": price_text(product.price, language) if product.price else "",
    }
    properties = _properties(product, language, phrases.get(primary(language), {}))
    properties.sort(key=interest, reverse=True)  # stable: the shop's order among equals
    if properties:
        told["highlight"] = properties[0]
        told["highlights"] = _SEPARATORS.get(primary(language), ", ").join(properties[:_MOST])
    return {name: words for name, words in told.items() if words.strip()}


def _properties(product: Product, language: str, phrases: Mapping[str, str]) -> list[str]:
    found: list[str] = []
    for name, by_language in product.attributes.items():
        words = value(by_language, language)
        if words is not None:
            found.append(_phrase(name, words, language, phrases))
    return found


def _phrase(name: str, words: str, language: str, phrases: Mapping[str, str]) -> str:
    if name in phrases:
        return phrases[name].replace("{value}", words)
    return words if primary(language) == "zh" else f"{name.replace('_', ' ')} {words}"
