from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from recommender.domain.allowed import Allowed
from recommender.domain.errors import ImpossiblePrice
from recommender.domain.price import Price, between
from recommender.domain.product import Key
from recommender.domain.score import Mode
from recommender.usecases.relations import Person

ANN = Person("default", "ann")


def jug(product_id: str, material: dict[str, str], amount: str = "20.00", **more: Any) -> dict[str, Any]:
    attributes = [{"name": "Material", "value": material}]
    price = {"currency": "EUR", "amount": amount}
    title = {"en": f"Water jug {product_id}", "zh": "水壶"}
    return {"product_id": product_id, "title": title, "category": "kitchen/jugs", "brand": "Ember", "price": price,
            "attributes": attributes, **more}  # fmt: skip


def ids(made: Any) -> list[str]:
    return [offer.product.key.product_id for offer in made.offers]


async def everywhere(shop: Any, asked: Any) -> list[Any]:
    """What each verb answers under one filter."""
    return [
        await shop.recommend(ANN, asked, Mode.CONDITIONED),
        await shop.similar(Key("default", "kettle"), asked),
        await shop.search.by_text("default", "", "water jug", asked),
    ]


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ({"traits": (("material", frozenset({"GLASS"})),)}, {"j1", "j3"}),
        ({"traits": (("MATERIAL", frozenset({"玻璃", "钢"})),)}, {"j1", "j2", "j3"}),
        ({"traits": (("material", frozenset()),)}, {"j1", "j2", "j3"}),
        ({"currency": "EUR", "least": 30.0, "categories": frozenset({"kitchen/jugs"})}, {"j3"}),
        ({"currency": "EUR", "least": 20.0, "most": 20.0}, {"j1", "j2"}),
        ({"excluded": frozenset({"j1", "j3"}), "categories": frozenset({"kitchen/jugs"})}, {"j2"}),
    ],
)
async def test_every_verb_keeps_to_attributes_price_and_exclusions(
    shop: Any, asked: Any, allowed: Any, expected: set[str]
) -> None:
    glass = {"en": "glass", "zh": "玻璃"}
    await shop.load(jug("j1", glass), jug("j2", {"en": "steel", "zh": "钢"}), jug("j3", glass, "30.00"), offset=100)
    for made in await everywhere(shop, asked(20, **allowed)):
        assert set(ids(made)) == expected


@pytest.mark.parametrize(
    ("allowed", "why"),
    [
        ({"categories": frozenset({"kitchen/ovens"})}, "no product is in category 'kitchen/ovens'"),
        ({"brands": frozenset({"Nobody"})}, "no product is of brand 'Nobody'"),
        ({"traits": (("colour", frozenset({"red"})),)}, "no product has an attribute 'colour'"),
        ({"currency": "USD", "most": 5.0}, "no product has a price in USD"),
        ({"currency": "EUR", "most": 1.0}, "no product costs 1 EUR or less"),
        ({"currency": "EUR", "least": 900.0}, "no product costs 900 EUR or more"),
        (
            {"brands": frozenset({"Swift"}), "categories": frozenset({"kitchen"})},
            "products meet some of the conditions, but none meets all of them",
        ),
    ],
)
async def test_a_filter_that_no_product_passes_is_answered_with_nothing_and_the_reason(
    shop: Any, asked: Any, allowed: Any, why: str
) -> None:
    for made in await everywhere(shop, asked(5, **allowed)):
        assert (ids(made), made.shortage) == ([], why)


async def test_an_attribute_value_that_nothing_has_is_named(shop: Any, asked: Any) -> None:
    await shop.load(jug("j1", {"en": "glass"}), offset=100)
    made = await shop.recommend(ANN, asked(5, traits=(("material", frozenset({"gold"})),)), Mode.CONDITIONED)
    assert made.shortage == "no product has 'gold' as its 'material'"


async def test_fewer_offers_than_asked_for_are_accounted_for(shop: Any, asked: Any) -> None:
    await shop.do("ann", "kettle")
    made = await shop.recommend(ANN, asked(9, categories=frozenset({"kitchen"})), Mode.CONDITIONED)
    assert made.shortage == "3 products meet the conditions, 1 of them dealt with before"
    assert (await shop.recommend(ANN, asked(2), Mode.CONDITIONED)).shortage == ""


async def test_an_empty_shop_says_so(bare: Any, asked: Any) -> None:
    made = await bare.recommend(ANN, asked(), Mode.CONDITIONED)
    assert made.shortage == "the shop 'default' has no products yet: send some to attune.catalog.v1"


async def test_what_keeps_a_product_back_is_named_for_each_condition(shop: Any) -> None:
    await shop.load(jug("j1", {"en": "glass"}), offset=100)
    place = shop.world.shop("default").places["j1"]
    reasons = [
        Allowed(currency="EUR", least=50.0), Allowed(traits=(("material", frozenset({"steel"})),)),
        Allowed(excluded=frozenset({"j1"})), Allowed(),
    ]  # fmt: skip
    told = [allowed.why_not(shop.world.shop("default"), place) for allowed in reasons]
    assert told == ["price", "attribute", "asked not to be", ""]


def test_price_limits_that_contradict_each_other_are_refused_with_what_to_do() -> None:
    with pytest.raises(ImpossiblePrice, match="no price is at least 50 EUR and at most 20 EUR; exchange them") as one:
        between(Price("EUR", Decimal(50)), Price("EUR", Decimal(20)))
    assert one.value.field == "filter.min_price"
    with pytest.raises(ImpossiblePrice, match="give both limits in one currency"):
        between(Price("EUR", Decimal(5)), Price("USD", Decimal(20)))
