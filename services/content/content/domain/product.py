"""The product record: all that may be stated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_NO = {"no", "none", "false", "0", "否", "无", "没有", "不", "-"}  # values that deny what the attribute's name says


@dataclass(frozen=True, slots=True)
class Money:
    """An amount, as the shop wrote it."""

    currency: str  # ISO 4217
    amount: str  # decimal text, so that no cent is lost


@dataclass(frozen=True, slots=True)
class Product:
    """A product as the catalogue has it now. Mappings are BCP 47 language → text."""

    tenant: str
    product_id: str
    title: Mapping[str, str]
    description: Mapping[str, str] = field(default_factory=dict)
    category: str = ""
    category_name: Mapping[str, str] = field(default_factory=dict)
    brand: str = ""
    price: Money | None = None
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # name → language → value

    def values(self) -> Iterator[tuple[str, str]]:
        """(field, text) of every short value, each language on its own; the price is not among them."""
        yield from (("title", text) for text in self.title.values())
        if self.brand:
            yield "brand", self.brand
        yield from (("category", text) for text in self.category_name.values())
        for name, by_language in self.attributes.items():
            yield from ((f"attribute.{name}", text) for text in by_language.values())

    def texts(self) -> Iterator[tuple[str, str]]:
        """(field, text) of everything that is written about it, names of attributes included: `waterproof` = `IP44`."""
        yield from self.values()
        for name, by_language in self.attributes.items():
            if not any(text.strip().casefold() in _NO for text in by_language.values()):
                yield f"attribute.{name}", name.replace("_", " ")
        yield from (("description", text) for text in self.description.values())
