"""The demo shop's templates state what its catalogue says, and nothing of another product."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from attune_demo.catalog import products
from attune_demo.templates import templates
from content.domain.candidate import Candidate, Checked, check
from content.domain.facts import FactChecker, Rules
from content.domain.gaps import Template, Unfilled, fill
from content.domain.names import Names
from content.domain.product import Money, Product

EVERY = 12  # products: enough to meet each category


@pytest.fixture(scope="module")
def catalogue() -> list[Product]:
    return [
        Product(
            tenant="demo",
            product_id=record["product_id"],
            title=record["title"],
            description=record["description"],
            category=record["category"],
            category_name=record["category_name"],
            brand=record["brand"],
            price=Money(**record["price"]),
            attributes={attribute["name"]: attribute["value"] for attribute in record["attributes"]},
        )
        for record in list(products())[::EVERY]
    ]


def checked(said_of: Product, against: Product, catalogue: list[Product], rules: Rules) -> Iterator[Checked]:
    """Every text of one product, compared with the record of another or the same."""
    names = Names(name for product in catalogue for name in (product.brand, *product.title.values()))
    checker = FactChecker(against, rules)
    for record in templates():
        template = Template("demo", **record)
        try:
            text = fill(template, said_of).text
        except Unfilled:
            continue
        candidate = Candidate(text, template.template_id, "template", max_chars=template.max_chars)
        yield check(candidate, checker, template.language, [names])


def test_every_text_of_a_product_holds(catalogue: list[Product], rules: Rules) -> None:
    found = [one for product in catalogue for one in checked(product, product, catalogue, rules)]
    assert len(found) > 30 * len(catalogue)
    assert [(one.candidate.text, one.refused) for one in found if one.refused] == []


def test_every_text_of_another_product_is_refused(catalogue: list[Product], rules: Rules) -> None:
    pairs = zip(catalogue, [*catalogue[1:], catalogue[0]], strict=True)
    found = [one for product, other in pairs for one in checked(product, other, catalogue, rules)]
    assert [one.candidate.text for one in found if not one.refused] == []
