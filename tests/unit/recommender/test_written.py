"""The recommendation that is written, and what is read out of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recommender.domain.score import Mode
from recommender.usecases.ports import Fallback, Found, Written
from recommender.usecases.recommendation_text import TextSource
from recommender.usecases.relations import Person

ANN = Person("default", "ann")


def ids(made: Any) -> list[str]:
    return [offer.product.key.product_id for offer in made.offers]


async def test_a_text_is_written_and_its_products_are_a_source(shop: Any, asked: Any) -> None:
    await shop.do("ann", "kettle")
    made = await shop.recommend(ANN, asked(5), Mode.CONDITIONED, with_text=True)
    assert made.text
    assert "template" in made.by
    named = {product_id for product_id, mention in made.mentions if mention.by == "name"}
    assert named
    assert all("text" in offer.sources for offer in made.offers if offer.product.key.product_id in named)


class Wordy:
    async def write(self, facts: Any, language: str, seed: int) -> Written:
        del facts, language, seed
        return Written("A shelter for nights of camping.", "openai:test", Fallback("generator", "x", "y"))


async def test_a_text_is_matched_by_meaning_too(shop: Any, asked: Any) -> None:
    shop.recommend._text = TextSource(Wordy(), shop.index, shop.recommend._models)
    made = await shop.recommend(ANN, asked(5), Mode.CONDITIONED, with_text=True)
    assert {mention.by for _, mention in made.mentions} == {"meaning"}
    assert {product_id for product_id, _ in made.mentions} <= {"tent", "mat"}
    assert "openai:test" in made.by


class Naming:
    async def write(self, facts: Any, language: str, seed: int) -> Written:
        del facts, language, seed
        return Written(
            "Try the Camping mat number 7! 也可以看看玻璃茶壶。", "openai:test", Fallback("generator", "x", "y")
        )


async def test_names_in_a_text_are_found_without_reading_the_whole_shop(
    shop: Any, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = ({"product_id": f"mat-{n}", "title": {"en": f"Camping mat number {n}"}} for n in range(300))
    await shop.load(*many)
    shop.recommend._text = TextSource(Naming(), shop.index, shop.recommend._models)
    shelf, read = shop.world.look("default").shelf, set[int]()
    at = shelf.at
    monkeypatch.setattr(shelf, "at", lambda place: read.add(place) or at(place))
    made = await shop.recommend(ANN, asked(5), Mode.CONDITIONED, with_text=True)
    named = {product_id: mention.words for product_id, mention in made.mentions if mention.by == "name"}
    assert named == {"mat-7": "Camping mat number 7", "pot": "玻璃茶壶"}
    assert len(read) < 100


async def test_a_product_that_the_index_names_before_it_is_there_spoils_no_text(shop: Any, asked: Any) -> None:
    shop.world.look("default").settle(len(shop.world.look("default").ids), "coming")
    coming = len(shop.world.look("default").ids) - 1

    class Ahead:
        nearest = shop.index.nearest

        async def by_words(self, *given: Any) -> Found:
            del given
            return Found(np.array([coming]), np.ones(1))

    shop.recommend._text = TextSource(Naming(), Ahead(), shop.recommend._models)
    assert (await shop.recommend(ANN, asked(5), Mode.CONDITIONED, with_text=True)).text


class Silent:
    async def write(self, facts: Any, language: str, seed: int) -> Fallback:
        del facts, language, seed
        return Fallback("generator", "nothing", "away")


async def test_without_a_generator_offers_are_made_all_the_same(shop: Any, asked: Any) -> None:
    shop.recommend._text = TextSource(Silent(), shop.index, shop.recommend._models)
    made = await shop.recommend(ANN, asked(3), Mode.CONDITIONED, with_text=True)
    assert len(made.offers) == 3
    assert Fallback("generator", "nothing", "away") in made.fallbacks


async def test_a_text_that_names_what_a_rule_forbids_is_not_told(shop: Any, asked: Any, ruled: Any) -> None:
    await ruled({"exclude": {}, "match": {"product_ids": ["pot"]}})
    shop.recommend._text = TextSource(Naming(), shop.index, shop.recommend._models)
    made = await shop.recommend(ANN, asked(5), Mode.CONDITIONED, with_text=True)
    why = "the text names '玻璃茶壶', which a rule of the shop leaves out"
    assert (made.text, made.mentions) == ("", [])
    assert Fallback("generator", "nothing", why) in made.fallbacks


async def test_a_text_is_not_told_of_a_last_product_that_a_rule_forbids(shop: Any, asked: Any, ruled: Any) -> None:
    await shop.do("ann", "tent")
    before = await shop.recommend(ANN, asked(5), Mode.CONDITIONED, with_text=True)
    assert "Camping tent for two" in before.text
    await ruled({"exclude": {}, "match": {"product_ids": ["tent"]}})
    made = await shop.recommend(ANN, asked(5), Mode.CONDITIONED, with_text=True)
    assert made.text
    assert "Camping tent for two" not in made.text
