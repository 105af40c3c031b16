"""New people, new products, new shops: none of them meets an error or an empty page."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from recommender.domain.newest import _HELD, LOOKED_AT, Newest
from recommender.domain.product import Key
from recommender.domain.score import Mode
from recommender.usecases.relations import Person

ANN = Person("default", "ann")
NEW = {"product_id": "new", "title": {"en": "Walnut chopstick rest"}, "released_at": "2025-12-31T23:50:00Z"}


def ids(made: Any) -> list[str]:
    return [offer.product.key.product_id for offer in made.offers]


async def test_one_click_is_enough_to_be_offered_its_like(shop: Any, asked: Any) -> None:
    await shop.do("ann", "mat")
    assert ids(await shop.recommend(ANN, asked(k=2), Mode.CONDITIONED))[0] == "tent"


async def test_words_alone_are_enough_to_be_offered_what_fits_them(
    shop: Any, asked: Any, need: Any, models: Any
) -> None:
    ((vector, _),) = await models.texts(["running shoe"])
    shop.needs.view = replace(need(), vector=vector)
    assert ids(await shop.recommend(ANN, asked(k=2), Mode.CONDITIONED))[0] == "shoe"


async def test_someone_of_whom_nothing_is_known_is_offered_what_is_popular(shop: Any, asked: Any) -> None:
    await shop.do("bob", "tent")
    made = await shop.recommend(ANN, asked(k=3), Mode.CONDITIONED)
    assert ids(made)[0] == "tent"
    assert len(made.offers) == 3


async def test_a_shop_without_products_answers_and_says_why_there_is_nothing(bare: Any, asked: Any) -> None:
    made = await bare.recommend(ANN, asked(), Mode.CONDITIONED)
    assert (made.offers, "has no products yet" in made.shortage) == ([], True)
    assert not (await bare.search.by_text("default", "ann", "tent", asked())).offers


async def test_a_product_that_nobody_has_met_is_proposed_while_it_is_new(shop: Any, asked: Any) -> None:
    await shop.load(NEW)
    made = await shop.recommend(ANN, asked(k=50), Mode.CONDITIONED)
    (new,) = [offer for offer in made.offers if offer.product.key.product_id == "new"]
    assert "fresh" in new.sources
    shop.now += 30 * 86_400_000
    made = await shop.recommend(ANN, asked(k=50), Mode.CONDITIONED)
    assert all("fresh" not in offer.sources for offer in made.offers)


async def test_a_new_product_is_similar_to_what_its_words_say_from_its_first_minute(shop: Any, asked: Any) -> None:
    await shop.load({**NEW, "product_id": "mug", "title": {"en": "Porcelain tea cup with handle"}})
    assert ids(await shop.similar(Key("default", "mug"), asked(k=3)))[0] == "cup"


def test_the_newest_are_held_however_they_come_and_go() -> None:
    rng, newest, there = random.Random(1), Newest(), dict[int, int]()
    for _ in range(5000):
        place = rng.randrange(LOOKED_AT)
        if rng.random() < 0.2:
            newest.remove(place)
            there.pop(place, None)
        else:
            there[place] = rng.randrange(1, 1000)
            newest.put(place, there[place])
    expected = sorted((-at, place) for place, at in there.items())
    assert newest.since(500, 10**6) == [place for at, place in expected if -at >= 500]
    assert newest.since(2000, 10) == []
    assert newest.since(100, 5, until=400) == [place for at, place in expected if 100 <= -at <= 400][:5]


def test_only_so_many_of_the_newest_are_held() -> None:
    newest = Newest()
    for place in range(3 * _HELD):
        newest.put(place, place + 1)
    assert newest.since(0, 10**6) == list(range(3 * _HELD - 1, 2 * _HELD - 1, -1))
    newest.put(5, 0)
    assert len(newest.since(0, 10**6)) == _HELD


@pytest.mark.parametrize("stated", [None, "2020-05-05T00:00:00Z"])
def test_a_product_is_on_sale_since_its_first_record_unless_it_says_otherwise(
    house: Any, tenant: str, stated: str | None
) -> None:
    product = {"product_id": "p", "title": {"en": "First"}} | ({"released_at": stated} if stated else {})
    seen = []
    for title in ("First", "Second"):
        mark = house.load(tenant, {**product, "title": {"en": title}})
        (offer,) = house.recommend(tenant, "ann", mark).recommendations
        seen.append(offer.product.released_at.ToJsonString())
        assert offer.product.title["en"] == title
    assert seen[0] == seen[1]
    assert (seen[0] == stated) is (stated is not None)
    house.kill()
    house.start()
    assert house.recommend(tenant, "ann").recommendations[0].product.released_at.ToJsonString() == seen[0]
