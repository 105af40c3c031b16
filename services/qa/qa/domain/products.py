"""Questions about one product, answered from what its record states."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lm.lexical import Bm25, words
from qa.domain.identity import primary
from qa.domain.knowledge import LogPosition

NAMED = 0.75  # share (by idf) of a product's name that a question must hold to speak of it
_HEAD = re.compile(r"[,，;；(（/|]|\s\d")  # what follows in a title is size and colour, which nobody says


@dataclass(frozen=True, slots=True)
class Product:
    """What may be said of a product."""

    tenant: str
    product_id: str
    titles: Mapping[str, str]  # BCP 47 language → name
    facts: Mapping[str, Mapping[str, str]]  # attribute → language → value; `und` holds for every language
    position: LogPosition = field(default=LogPosition())

    def title(self, language: str) -> str:
        """The name in this language, else in any."""
        return spoken(self.titles, language) or self.product_id


def spoken(values: Mapping[str, str], language: str) -> str:
    """The value for a language: its tag, its primary tag, `und`, English, any; empty when there is none."""
    for tag in (language, primary(language), "und", "en", *values):
        if values.get(tag):
            return values[tag]
    return ""


# What people say when they mean an attribute; the space is bilingual, so English covers Chinese questions.
ASPECTS = {
    "capacity": "capacity volume how big how much does it hold size",
    "care": "dishwasher safe wash clean care machine washable",
    "color": "color colour",
    "material": "material made of",
    "weight": "weight heavy weigh",
    "warranty": "warranty guarantee",
    "price": "price cost how much money",
    "suitable_for": "suitable for use with",
    "power": "power watt",
    "battery_life": "battery life how long last charge",
    "dimensions": "dimensions size how tall wide long",
}
LABELS_ZH = {
    "capacity": "容量", "care": "清洁保养", "color": "颜色", "material": "材质", "weight": "重量", "warranty": "保修",
    "price": "价格", "suitable_for": "适用", "power": "功率", "battery_life": "续航", "dimensions": "尺寸",
    "pieces": "件数", "origin": "产地", "size": "尺寸",
}  # fmt: skip


def aspect(name: str, values: Mapping[str, str]) -> tuple[str, str]:
    """Two texts that stand for an attribute: what people ask for it with, and its name with its value."""
    plain = name.replace("_", " ")
    return ASPECTS.get(name, plain), f"{plain} {spoken(values, 'en')}"


def label(name: str, language: str) -> str:
    """The name of an attribute as a customer reads it."""
    return LABELS_ZH.get(name, name.replace("_", " ")) if primary(language) == "zh" else name.replace("_", " ")


class ProductBook:
    """Products of one shop by name."""

    def __init__(self) -> None:
        self._products: dict[str, Product] = {}
        self._names = Bm25[tuple[str, str]]()  # (product, language) by the head of the title

    def __len__(self) -> int:
        return len(self._products)

    def get(self, product_id: str) -> Product | None:
        """What is known under this id."""
        return self._products.get(product_id)

    def put(self, product: Product) -> None:
        """Enter a product in place of what was known."""
        self.remove(product.product_id)
        self._products[product.product_id] = product
        for language, title in product.titles.items():
            self._names.add((product.product_id, language), words(_head(title)))

    def remove(self, product_id: str) -> None:
        """Forget a product; an unknown one is no error."""
        held = self._products.pop(product_id, None)
        for language in held.titles if held else ():
            self._names.remove((product_id, language))

    def named_in(self, question: str) -> tuple[Product, str] | None:
        """The product a question speaks of by name, and the question without the name."""
        said = set(words(question))
        best: tuple[float, float, Product, str] | None = None
        for (product_id, language), rank in self._names.search(said, 8):
            product = self._products[product_id]
            head = _head(product.titles[language])
            name = {word: self._names.idf(word) for word in words(head)}
            share = sum(idf for word, idf in name.items() if word in said) / sum(name.values())
            if share >= NAMED and (best is None or (share, rank) > best[:2]):
                best = (share, rank, product, head)
        if best is None:
            return None
        return best[2], without(question, best[3])


def without(question: str, name: str) -> str:
    """A question without the words of a name."""
    if name in question:
        return question.replace(name, " ")
    gone = {word.lower() for word in re.findall(r"[\w'-]+", name)}
    return re.sub(r"[\w'-]+", lambda found: " " if found[0].lower() in gone else found[0], question)


def _head(title: str) -> str:
    """`Mist Porcelain Teapot, 600 ml` → `Mist Porcelain Teapot`."""
    return _HEAD.split(title, maxsplit=1)[0].strip() or title
