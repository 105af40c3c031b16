"""What f does for those of whom, or for what of which, little is known; and what an order says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recommender.domain.bag import Bag
from recommender.domain.history import Done
from recommender.domain.score import Mode
from recommender.domain.sought import NOTHING, blended
from recommender.domain.words import WordTable
from recommender.usecases.learn import Behavior
from recommender.usecases.relations import Person, Span

ANN, NOBODY = Person("default", "ann"), Person("default", "nobody")
BUY = Done.WANTED | Done.BOUGHT
CLICKS = "attune.clickstream.v1"
NEW = {
    "product_id": "lantern",
    "title": {"en": "Camping lantern for the tent"},
    "category": "outdoor/light",
    "brand": "Ridge",
    "price": {"currency": "EUR", "amount": "29.00"},
}


def ids(made: Any) -> list[str]:
    return [offer.product.key.product_id for offer in made.offers]


def bag(**words: float) -> Bag:
    names = {"tea": 1, "pot": 2, "tent": 3}
    pairs = sorted((names[word], weight) for word, weight in words.items())
    return Bag(np.array([n for n, _ in pairs], dtype=np.uint32), np.array([w for _, w in pairs], dtype=np.float32))


async def test_one_click_is_enough_to_find_a_product_that_nobody_has_met(shop: Any, asked: Any) -> None:
    await shop.load(NEW)
    await shop.do("ann", "tent")
    first = (await shop.recommend(ANN, asked(3), Mode.CONDITIONED)).offers
    assert "lantern" in [offer.product.key.product_id for offer in first]
    terms = {
        t.name: t.contribution
        for offer in first
        if offer.product.key.product_id == "lantern"
        for t in offer.score.terms
    }
    assert terms["sim.words"] > 0
    assert terms["rel.transition"] == terms["trend"] == 0


async def test_an_empty_catalogue_offers_nothing_and_is_no_error(bare: Any, asked: Any) -> None:
    assert ids(await bare.recommend(NOBODY, asked(), Mode.CONDITIONED)) == []


async def test_the_lines_of_an_order_speak_equally(shop: Any) -> None:
    first = await shop.relations.next_offset("log", CLICKS, 0)
    acts = [Behavior(first + i, ANN, p, BUY, 1000, 1.0, 77 + i) for i, p in enumerate(("tent", "cup", "shoe"))]
    await shop.behavior(Span("log", CLICKS, 0, first + len(acts)), acts)
    around = (await shop.understand(ANN)).wish.around
    assert around.weights.tolist() == [1.0, 1.0, 1.0]


async def test_what_was_done_one_after_the_other_counts_less_the_longer_it_is_ago(shop: Any) -> None:
    await shop.do("ann", "tent", "cup", "shoe")
    around = (await shop.understand(ANN)).wish.around
    assert [shop.world.shop("default").ids[seed] for seed in around.seeds] == ["shoe", "cup", "tent"]
    assert around.weights.tolist() == pytest.approx([1.0, 0.7, 0.49])


def words(table: WordTable, asked: dict[int, float]) -> dict[int, float]:
    return table.names(table.sought(asked))


def test_words_of_two_origins_count_alike_however_many_there_are() -> None:
    table = WordTable()
    table.put(0, bag(tea=1.0, pot=1.0))
    made = blended(table.sought({1: 10.0}), table.sought({2: 0.5}))
    assert table.names(made) == {1: 1.0, 2: 1.0}
    assert table.names(blended(NOTHING, table.sought({2: 3.0, 1: 4.0}))) == pytest.approx({1: 0.8, 2: 0.6})
    assert not blended(NOTHING, NOTHING)


def test_words_that_no_product_has_count_among_those_that_are_sought() -> None:
    table = WordTable()
    table.put(0, bag(tea=1.0))
    made = blended(table.sought({1: 3.0, 77: 4.0, 78: 0.0}), NOTHING)
    assert (table.names(made), made.unknown.tolist()) == (pytest.approx({1: 0.6}), pytest.approx([0.8]))


def test_words_of_products_add_up_by_their_weights() -> None:
    table = WordTable()
    table.put(0, bag(tea=1.0, pot=0.5))
    table.put(3, bag(tea=2.0))
    assert table.names(table.together([0, 3, 9], np.array([1.0, 0.5, 1.0]))) == pytest.approx({1: 2.0, 2: 0.5})
    assert not table.together([], np.zeros(0))


def test_the_words_that_decide_most_are_heavy_and_rare() -> None:
    table = WordTable()
    for place in range(9):
        table.put(place, bag(tea=1.0))
    table.put(9, bag(tent=1.0))
    assert table.names(table.heaviest(table.sought({1: 1.0, 3: 0.8}), 1)) == {3: 0.8}
    assert table.names(table.heaviest(table.sought({1: 1.0}), 5)) == {1: 1.0}
