"""Templates are filled by a product that has what they ask for, and by no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from content.domain.gaps import BadTemplate, Template, Unfilled, fill, gaps, price_text
from content.domain.product import Money, Product


def template(body: str, language: str = "en") -> Template:
    return Template("shop", "t", "push", language, body)


def test_gaps_are_filled_in_the_language_of_the_template(kettle: Product) -> None:
    body = "{title} | {brand} | {price} | {category} | {attribute.material}"
    assert fill(template(body, "zh-CN"), kettle).text == "海港电热水壶 1.7升 | Fennhaven | €49.90 | 烧水壶 | 不锈钢"
    english = "Harbor Electric Kettle, 1.7 L | Fennhaven | €49.90 | Kettles | stainless steel"
    assert fill(template(body), kettle).text == english


def test_a_gap_that_the_product_does_not_fill_is_named(kettle: Product) -> None:
    with pytest.raises(Unfilled, match=r"\{attribute.colour\}"):
        fill(template("{title} in {attribute.colour}"), kettle)
    with pytest.raises(Unfilled, match=r"\{price\}"):
        fill(template("{price}"), replace(kettle, price=None))


def test_a_name_in_another_language_stands_in_and_is_counted(kettle: Product) -> None:
    filled = fill(template("{title} {brand}", "zh"), replace(kettle, title={"en": "Harbor"}))
    assert (filled.text, filled.own) == ("Harbor Fennhaven", 0.5)


def test_a_property_in_another_language_does_not_stand_in(kettle: Product) -> None:
    with pytest.raises(Unfilled):
        fill(template("{attribute.material}", "fr"), kettle)


def test_a_doubled_brace_is_a_brace(kettle: Product) -> None:
    assert fill(template("{{{brand}}}"), kettle).text == "{Fennhaven}"


@pytest.mark.parametrize("body", ["{titel}", "{title", "title}", "{attribute.}", "{}", "{title!r}"])
def test_a_template_that_no_product_can_fill_is_bad_and_says_what_to_do(body: str) -> None:
    with pytest.raises(BadTemplate, match=r"use the gaps \{title\}") as bad:
        gaps(body)
    assert (bad.value.field, bad.value.value) == ("body", body)


@pytest.mark.parametrize(
    ("money", "language", "text"),
    [
        (Money("EUR", "19.90"), "en", "€19.90"),
        (Money("CNY", "199"), "zh-Hans", "199元"),
        (Money("CNY", "199"), "en", "¥199"),
        (Money("CHF", "5.00"), "en", "5.00 CHF"),
    ],
)
def test_a_price_is_written_as_shoppers_read_it(money: Money, language: str, text: str) -> None:
    assert price_text(money, language) == text
