"""Every number, price, property, name and claim of a text is compared with the product record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from content.domain.facts import FactChecker, Rules, refusal
from content.domain.names import Names
from content.domain.product import Product

OTHERS = [Names(["Karsavo", "明雅"])]


def holds(checker: FactChecker, text: str, language: str) -> bool:
    return not refusal(checker.facts(text, language, OTHERS))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Harbor Electric Kettle, 1.7 L by Fennhaven for €49.90."),
        ("en", "It holds 1700 ml and has 2200 watts, with two years of warranty."),
        ("en", "70, 80 or 100 °C. Stainless steel."),
        ("en", "Not dishwasher safe, and ours all the same."),
        ("en", "49.90 EUR for one of these."),
        ("zh", "海港电热水壶 1.7升，仅€49.90，质保两年"),
        ("zh", "2200瓦，1700毫升，不锈钢，二十四个月质保，十分好用"),
        ("zh", "Fennhaven的一款好壶，80°C刚刚好"),
    ],
)
def test_what_the_record_says_may_be_said_in_other_words_and_units(
    checker: FactChecker, language: str, text: str
) -> None:
    assert holds(checker, text, language)


@pytest.mark.parametrize(
    ("language", "text", "claim"),
    [
        ("en", "Holds 2 L.", "2 L"),
        ("en", "Only €39.90.", "€39.90"),
        ("en", "Only $49.90.", "$49.90"),
        ("en", "Save 20% now.", "20%"),
        ("en", "Three years of warranty.", "Three years"),
        ("en", "Serves 24 guests.", "24 guests"),
        ("en", "A waterproof kettle.", "waterproof"),
        ("en", "It is dishwasher safe.", "dishwasher safe"),
        ("en", "As good as Karsavo.", "Karsavo"),
        ("en", "A kettle like those of Philips.", "Philips"),
        ("en", "The XPS13 of kettles.", "XPS13"),
        ("zh", "容量两升", "两升"),
        ("zh", "仅39.90元", "39.90元"),
        ("zh", "质保三年", "三年"),
        ("zh", "优惠百分之二十", "百分之二十"),
        ("zh", "全场八折", "八折"),
        ("zh", "玻璃壶身", "玻璃"),
        ("zh", "比明雅更好", "明雅"),
        ("zh", "Philips 同款", "Philips"),
        ("zh", "送给二十五位客人", "二十五位"),
    ],
)
def test_what_the_record_does_not_say_is_found(checker: FactChecker, language: str, text: str, claim: str) -> None:
    wrong = [fact.claim for fact in checker.facts(text, language, OTHERS) if not fact.holds]
    assert claim in wrong


def test_a_name_is_found_in_a_text_that_was_read_before_it_was_known(checker: FactChecker) -> None:
    text = "karsavo makes no kettle like it."
    known = Names()
    assert refusal(checker.facts(text, "en", [known])) == ""
    known.add("Karsavo")
    assert refusal(checker.facts(text, "en", [known])) == "'karsavo': the product record does not name it"


def test_a_product_may_be_called_what_it_is_called_though_others_know_the_name_too(checker: FactChecker) -> None:
    assert refusal(checker.facts("A kettle by Fennhaven.", "en", [Names(["Fennhaven"])])) == ""


def test_names_are_whole_words_and_only_the_latest_are_kept() -> None:
    names = Names(["Kar", "X", "明雅", "Old", "ÉTÉ"], most=3)
    assert sorted(names.within("Karsavo's kar, an old X，明雅牌，été")) == [(18, "old"), (24, "明雅"), (28, "été")]
    assert list(Names(["Kar"]).within("Karsavo's KAR")) == [(10, "KAR")]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The best kettle."),
        ("en", "Cures a bad morning."),
        ("en", "Free shipping on this one."),
        ("en", "Last chance to see it."),
        ("en", "An award-winning kettle."),
        ("zh", "最好的水壶"),
        ("zh", "水壶第一品牌"),
        ("zh", "喝水治疗感冒"),
        ("zh", "限时包邮"),
        ("zh", "全网销量冠军"),
    ],
)
def test_superlatives_healing_and_promises_are_refused(checker: FactChecker, language: str, text: str) -> None:
    assert not holds(checker, text, language)


def test_a_promise_may_be_made_when_the_record_makes_it(kettle: Product, rules: Rules) -> None:
    delivered = replace(kettle, description={"en": "With free shipping in the region."})
    assert holds(FactChecker(delivered, rules), "Comes with free shipping.", "en")


def test_a_superlative_may_not_be_made_even_when_the_record_makes_it(kettle: Product, rules: Rules) -> None:
    boasting = replace(kettle, description={"en": "The best kettle."})
    assert not holds(FactChecker(boasting, rules), "Still the best kettle.", "en")


def test_a_product_may_be_called_by_its_name_whatever_words_are_in_it(kettle: Product, rules: Rules) -> None:
    named = replace(kettle, title={"en": "Best Friends Mug No. 1"})
    assert holds(FactChecker(named, rules), "Meet the Best Friends Mug No. 1.", "en")


def test_a_fact_names_the_field_it_was_compared_with_and_what_the_record_says(checker: FactChecker) -> None:
    (volume, price) = checker.facts("It holds 1700 ml for €49.90.", "en")
    assert (volume.claim, volume.field, volume.holds) == ("1700 ml", "title", True)
    assert (price.claim, price.field, price.value, price.holds) == ("€49.90", "price", "49.90 EUR", True)


def test_a_product_without_a_price_has_none_to_state(kettle: Product, rules: Rules) -> None:
    priceless = FactChecker(replace(kettle, price=None), rules)
    assert refusal(priceless.facts("It is €49.90.", "en")) == "'€49.90': the product has no price"


def test_a_giant_text_of_numbers_is_checked_in_bounded_time(checker: FactChecker) -> None:
    facts = checker.facts("7 cups, " * 250, "en")
    assert len(facts) == 250
    assert not any(fact.holds for fact in facts)
