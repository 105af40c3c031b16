"""Catalogue records in the JSON form of `attune.events.v1.Product`, expanded from the source files."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from attune_demo.glossary import Glossary
from attune_demo.source import bilingual, folder, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


RELEASED = "2025-03-01T00:00:00Z"  # the shop is not new: what you add is
BOTH_WAYS = frozenset({"goes_with", "variant_of"})  # what holds of a pair holds of it turned round


def products() -> Iterator[dict[str, Any]]:
    """Every product of the shop, in the order of the source.

    Raises LookupError for a value without Chinese, a kind without a drawing, or a link to an unknown product.
    """
    glossary = Glossary.load()
    kinds = table("shapes.toml")["kind"]
    written = [(category, product) for category in folder("catalog") for product in category["product"]]
    relations = links({product["id"] for _, product in written})
    for category, product in written:
        yield _record(category, product, glossary, kinds[product["kind"]]["name"], relations[product["id"]])


def links(known: set[str]) -> defaultdict[str, list[tuple[str, str]]]:
    """Product → (kind, other product), as links.toml has them; symmetric kinds stand on both ends."""
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for kind, rows in table("links.toml").items():
        for product, others in rows.items():
            for other in others:
                _must_exist(known, product, other)
                _add(found[product], (kind, other))
                if kind in BOTH_WAYS:
                    _add(found[other], (kind, product))
    return found


def _add(relations: list[tuple[str, str]], relation: tuple[str, str]) -> None:
    if relation not in relations:
        relations.append(relation)


def _must_exist(known: set[str], *products: str) -> None:
    for product in products:
        if product not in known:
            raise LookupError(f"links.toml names {product!r}, which no catalogue file holds")


def _record(
    category: Mapping[str, Any],
    product: Mapping[str, Any],
    glossary: Glossary,
    drawn: list[str],
    relations: list[tuple[str, str]],
) -> dict[str, Any]:
    title = bilingual(product["title"])
    return {
        "product_id": product["id"],
        "title": title,
        "description": bilingual(product["about"]),
        "category": category["category"],
        "category_name": bilingual(category["name"]),
        "brand": product["brand"],
        "price": {"currency": "EUR", "amount": product["price"]},
        "attributes": [{"name": name, "value": glossary.value(value)} for name, value in product["facts"].items()],
        "relations": [{"kind": kind, "product_id": other} for kind, other in relations],
        "images": [{"uri": f"images/{product['id']}.svg", "alt": _alt(title, drawn)}],
        "released_at": RELEASED,
        "availability": f"AVAILABILITY_{product.get('stock', 'in_stock').upper()}",
    }


def _alt(title: Mapping[str, str], drawn: list[str]) -> dict[str, str]:
    what = bilingual(drawn)
    return {"en": f"Drawing of {what['en']}: {title['en']}", "zh": f"{what['zh']}示意图：{title['zh']}"}
