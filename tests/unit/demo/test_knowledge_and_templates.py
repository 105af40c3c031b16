from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

import pytest

from attune_demo.catalog import products
from attune_demo.knowledge import entries
from attune_demo.templates import templates

Records = list[dict[str, Any]]

GAP = re.compile(r"\{([^{}]+)\}")


@pytest.fixture(scope="module")
def knowledge() -> Records:
    return list(entries())


def asked(knowledge: Records, words: str) -> list[tuple[str, str]]:
    return [(e["family"], e["language"]) for e in knowledge if words in (e["question"], *e["variants"])]


def test_every_family_has_an_entry_in_both_languages(knowledge: Records) -> None:
    families = defaultdict(set)
    for entry in knowledge:
        families[entry["family"]].add(entry["language"])
    assert len(families) >= 45
    assert all(languages == {"en", "zh"} for languages in families.values())


def test_every_entry_has_several_phrasings_and_no_two_entries_share_one(knowledge: Records) -> None:
    phrasings = Counter(words for entry in knowledge for words in (entry["question"], *entry["variants"]))
    assert all(3 <= len(entry["variants"]) <= 6 for entry in knowledge)
    assert [words for words, count in phrasings.items() if count > 1] == []


def test_returning_an_item_is_one_family_in_both_languages(knowledge: Records) -> None:
    assert asked(knowledge, "How do I return an item?") == [("returns.how", "en")]
    assert asked(knowledge, "如何申请退货？") == [("returns.how", "zh")]


def test_the_period_of_return_is_30_days_wherever_it_is_named(knowledge: Records) -> None:
    for entry in knowledge:
        if entry["topic"] == "returns" and re.search(
            r"within \d+ days|\d+ days from|\d+天内.*退|起\d+天", entry["answer"]
        ):
            assert "30" in entry["answer"], entry["entry_id"]


def test_both_languages_of_an_answer_give_the_same_figures(knowledge: Records) -> None:
    figures: defaultdict[str, dict[str, set[str]]] = defaultdict(dict)
    for entry in knowledge:
        figures[entry["family"]][entry["language"]] = set(re.findall(r"\d+(?:\.\d+)?", entry["answer"]))
    for family, by_language in figures.items():
        english, chinese = by_language["en"], by_language["zh"]
        assert english == chinese, family


def test_answers_name_products_that_exist(knowledge: Records) -> None:
    known = {product["product_id"] for product in products()}
    assert {product for entry in knowledge for product in entry["product_ids"]} <= known


def test_there_are_templates_for_four_channels_in_both_languages_with_several_appeals() -> None:
    found = defaultdict(set)
    for template in templates():
        found[template["channel"], template["language"]].add(template["appeal"])
    assert {channel for channel, _ in found} >= {"email", "push", "sms", "banner"}
    assert all(len(appeals) >= 5 for appeals in found.values())
    assert len(list(templates())) >= 36


def test_a_template_states_nothing_but_what_its_gaps_bring() -> None:
    for template in templates():
        words = GAP.sub("", template["body"])
        assert not re.search(r"\d|%|best|cheapest|最|第一|顶级", words), template["template_id"]


def test_every_product_has_a_template_of_every_channel_that_fits() -> None:
    for product in products():
        for language in ("en", "zh"):
            facts = gaps_of(product, language)
            channels = {
                template["channel"]
                for template in templates()
                if template["language"] == language and fits(template, facts)
            }
            assert channels == {"email", "push", "sms", "banner"}, product["product_id"]


def fits(template: dict[str, Any], facts: dict[str, str]) -> bool:
    gaps = set(GAP.findall(template["body"]))
    return gaps <= facts.keys() and len(GAP.sub(lambda gap: facts[gap[1]], template["body"])) <= template["max_chars"]


def gaps_of(product: dict[str, Any], language: str) -> dict[str, str]:
    price = product["price"]
    return {
        "title": product["title"][language],
        "brand": product["brand"],
        "price": f"{price['amount']} {price['currency']}",
        "category": product["category_name"][language],
    } | {f"attribute.{attribute['name']}": attribute["value"][language] for attribute in product["attributes"]}
