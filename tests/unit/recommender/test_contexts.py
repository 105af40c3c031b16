"""Where offers are shown decides which ones they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from recommender.domain.context import Context
from recommender.domain.errors import UnknownProduct
from recommender.domain.history import Done
from recommender.domain.product import Key
from recommender.domain.score import Mode
from recommender.usecases.ports import Behavior
from recommender.usecases.relations import Person

ANN = Person("default", "ann")


def ids(made: Any) -> list[str]:
    return [offer.product.key.product_id for offer in made.offers]


@pytest.fixture
def offered(shop: Any, asked: Any) -> Callable[..., Any]:
    async def offers(context: Context, *there: str, k: int = 50) -> list[str]:
        return ids(await shop.recommend(ANN, replace(asked(k=k), context=context, there=there), Mode.CONDITIONED))

    return offers


@pytest.fixture
async def tea(shop: Any) -> None:
    """A second kettle, and people who buy tea and pots to their kettles."""
    price = {"currency": "EUR", "amount": "45.00"}
    await shop.load({"product_id": "kettle2", "title": {"en": "Copper tea kettle"}, "category": "kitchen/kettles",
                     "price": price})  # fmt: skip
    await shop.load({"product_id": "spout", "title": {"en": "Steel tea kettle, red"}, "price": price,
                     "relations": [{"kind": "variant_of", "product_id": "kettle"}]})  # fmt: skip
    for user in range(4):
        await shop.do(f"u{user}", "kettle", "leaves", "pot", done=Done.WANTED)
        await shop.do(f"u{user}", "kettle2")


@pytest.mark.usefixtures("tea")
async def test_beside_a_product_its_own_kind_and_its_company_come_before_the_person_s_other_wishes(
    shop: Any, offered: Any
) -> None:
    await shop.do("ann", "tent", "mat")
    assert set((await offered(Context.PRODUCT_PAGE, "kettle"))[:4]) == {"leaves", "pot", "kettle2", "spout"}
    assert "kettle" not in await offered(Context.PRODUCT_PAGE, "kettle")


@pytest.mark.parametrize("context", [Context.CART, Context.AFTER_PURCHASE])
@pytest.mark.usefixtures("tea")
async def test_beside_what_is_bought_stands_what_goes_with_it_and_never_the_same_again(
    offered: Any, context: Context
) -> None:
    offers = await offered(context, "kettle")
    assert set(offers[:2]) == {"leaves", "pot"}
    assert not {"kettle", "kettle2", "spout"} & set(offers)


async def test_what_goes_with_a_cart_is_found_behind_very_many_that_could_be_bought_in_its_place(
    shop: Any, asked: Any
) -> None:
    kettles = [f"k{index}" for index in range(150)]
    price = {"currency": "EUR", "amount": "39"}
    await shop.load(*({"product_id": name, "title": {"en": f"Steel tea kettle {name}"}, "category": "kitchen/kettles",
                       "price": price} for name in kettles))  # fmt: skip
    await shop.do("bob", *kettles[:60])
    cart = replace(asked(k=7), context=Context.CART, there=["kettle"])
    made = await shop.recommend(ANN, cart, Mode.CONDITIONED)
    assert set(ids(made)) == {"pot", "cup", "leaves", "tent", "mat", "shoe", "sock"}
    short = await shop.recommend(ANN, replace(cart, k=8), Mode.CONDITIONED)
    said = "158 products meet the conditions, 1 of them there already; nothing is offered in place of what stands there"
    assert short.shortage == said


async def test_among_what_a_search_found_the_words_said_last_count_most(
    shop: Any, offered: Any, need: Any, models: Any
) -> None:
    ((vector, _),) = await models.texts(["kettle teapot cup"])
    shop.needs.view = replace(need(spectrum=[Behavior("", "camping tent", 1.0)]), vector=vector)
    assert (await offered(Context.SEARCH_RESULTS))[0] == "tent"
    assert (await offered(Context.HOME))[0] != "tent"


async def test_a_letter_offers_nothing_that_is_out_of_stock_whatever_was_asked(shop: Any, asked: Any) -> None:
    letter = replace(asked(k=50, out_of_stock=True), context=Context.EMAIL)
    assert "bag" not in ids(await shop.recommend(ANN, letter, Mode.CONDITIONED))
    assert "bag" in ids(await shop.recommend(ANN, asked(k=50, out_of_stock=True), Mode.CONDITIONED))


async def test_what_stands_there_must_be_in_the_catalogue(offered: Any) -> None:
    with pytest.raises(UnknownProduct, match="nope") as refused:
        await offered(Context.CART, "kettle", "nope")
    assert refused.value.field == "context_products"


@pytest.mark.usefixtures("tea")
async def test_an_explanation_is_of_the_same_place(shop: Any, asked: Any) -> None:
    made = await shop.recommend(ANN, replace(asked(), context=Context.CART, there=["kettle"]), Mode.CONDITIONED)
    first = made.offers[0]
    why = await shop.explain(ANN, first.product.key.product_id, "en", Mode.CONDITIONED, Context.CART, ["kettle"])
    assert why.score.value == pytest.approx(first.score.value, abs=1e-6)
    assert why.excluded == ""
    again = await shop.explain(ANN, "kettle2", "en", Mode.CONDITIONED, Context.CART, ["kettle"])
    assert again.excluded == "in place of what stands there, not with it"
    there = await shop.explain(ANN, "kettle", "en", Mode.CONDITIONED, Context.CART, ["kettle"])
    assert there.excluded == "there already"


@pytest.mark.usefixtures("tea")
async def test_substitutes_and_complements_are_told_apart(shop: Any, asked: Any) -> None:
    kettle = Key("default", "kettle")
    both = {offer.product.key.product_id: offer.relation for offer in (await shop.similar(kettle, asked(k=50))).offers}
    assert {name for name, relation in both.items() if relation == "substitute"} == {"kettle2", "spout"}
    assert {"leaves", "pot"} <= {name for name, relation in both.items() if relation == "complement"}
    assert set(ids(await shop.similar(kettle, asked(k=50), "substitute"))) == {"kettle2", "spout"}
    complements = ids(await shop.similar(kettle, asked(k=50), "complement"))
    assert set(complements[:2]) == {"leaves", "pot"}
    assert not {"kettle2", "spout"} & set(complements)


async def test_where_few_are_like_one_it_is_not_said_that_somebody_dealt_with_it(shop: Any, asked: Any) -> None:
    made = await shop.similar(Key("default", "kettle"), asked(k=50))
    assert made.shortage.startswith("8 products meet the conditions, 1 of them there already")


async def test_what_costs_many_times_as_much_is_no_substitute(shop: Any, asked: Any) -> None:
    price = {"currency": "EUR", "amount": "1900"}
    await shop.load({"product_id": "samovar", "title": {"en": "Steel tea samovar kettle"}, "price": price,
                     "category": "kitchen/kettles"})  # fmt: skip
    made = await shop.similar(Key("default", "kettle"), asked(k=50))
    assert {o.relation for o in made.offers if o.product.key.product_id == "samovar"} == {"complement"}
