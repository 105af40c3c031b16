"""What a shopkeeper decides holds in every reply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from recommender.domain import rules as r
from recommender.domain.context import Context
from recommender.domain.history import Done
from recommender.domain.product import Key
from recommender.domain.score import Mode
from recommender.usecases.relations import Person
from recommender.usecases.search import Manner

ANN = Person("default", "ann")
NOW = 1_767_225_600_000  # 2026 begins
DAY = 86_400_000
Rules = Callable[..., Any]


def ids(made: Any) -> list[str]:
    return [offer.product.key.product_id for offer in made.offers]


async def recommended(shop: Any, asked: Any, **allowed: Any) -> list[str]:
    return ids(await shop.recommend(ANN, asked(k=50, **allowed), Mode.CONDITIONED))


async def test_what_is_excluded_is_offered_by_no_verb(shop: Any, asked: Any, ruled: Rules) -> None:
    await ruled({"exclude": {}, "match": {"categories": ["kitchen"]}, "reason": "no permit"})
    gone = {"kettle", "pot", "cup"}
    assert set(await recommended(shop, asked)) == {"leaves", "tent", "mat", "shoe", "sock"}
    assert not gone & set(ids(await shop.similar(Key("default", "leaves"), asked(k=50))))
    assert not gone & set(ids(await shop.search.by_text("default", "", "tea kettle", asked(k=50))))


async def test_nothing_else_is_offered_where_only_some_is_included(shop: Any, asked: Any, ruled: Rules) -> None:
    await ruled({"include_only": {}, "match": {"brands": ["Lark", "Swift"]}})
    assert set(await recommended(shop, asked)) == {"cup", "leaves", "shoe", "sock"}
    await ruled({"include_only": {}, "match": {"brands": ["Lark", "Swift"]}},
                {"include_only": {}, "match": {"categories": ["sport"]}})  # fmt: skip
    assert set(await recommended(shop, asked)) == {"shoe", "sock"}


async def test_rules_look_at_ids_prices_and_attributes(shop: Any, asked: Any, ruled: Rules) -> None:
    await shop.load({"product_id": "mug", "title": {"en": "Mug"}, "price": {"currency": "EUR", "amount": "9.50"},
                     "attributes": [{"name": "Colour", "value": {"en": "Red", "zh": "红"}}]})  # fmt: skip
    for match, expected in (
        ({"product_ids": ["mug", "cup"]}, {"mug", "cup"}),
        ({"max_price": {"currency": "EUR", "amount": "9.50"}}, {"cup", "sock", "mug"}),
        ({"min_price": {"currency": "EUR", "amount": "99.01"}}, {"tent"}),
        ({"max_price": {"currency": "USD", "amount": "500"}}, set()),
        ({"attributes": [{"name": "colour", "values": ["红"]}]}, {"mug"}),
        ({"attributes": [{"name": "colour"}]}, {"mug"}),
    ):
        await ruled({"include_only": {}, "match": match})
        assert set(await recommended(shop, asked)) == expected


async def test_pinned_products_stand_where_the_rule_says_and_buried_ones_last(
    shop: Any, asked: Any, ruled: Rules
) -> None:
    await ruled(
        {"pin": {"position": 2}, "match": {"product_ids": ["sock"]}},
        {"bury": {}, "match": {"brands": ["Ember"]}},
    )
    offers = await recommended(shop, asked)
    assert offers[1] == "sock"
    assert set(offers[-2:]) == {"kettle", "pot"}


async def test_a_pin_moves_nothing_into_a_reply_that_may_not_be_there(shop: Any, asked: Any, ruled: Rules) -> None:
    await ruled({"pin": {}, "match": {"product_ids": ["bag", "tent"]}}, {"exclude": {}, "match": TENT})
    assert {"bag", "tent"}.isdisjoint(await recommended(shop, asked))  # out of stock, and excluded


TENT = {"product_ids": ["tent"]}


async def test_a_boost_is_a_term_of_its_own_and_the_terms_add_up(shop: Any, asked: Any, ruled: Rules) -> None:
    await ruled({"boost": {"by": 2.5}, "match": TENT}, {"boost": {"by": -0.5}, "match": {"brands": ["Ridge"]}})
    made = await shop.recommend(ANN, asked(k=50), Mode.CONDITIONED)
    first = made.offers[0]
    assert first.product.key.product_id == "tent"
    assert {term.name: term.contribution for term in first.score.terms}["rule.boost"] == 2.0
    assert first.score.value == sum(term.contribution for term in first.score.terms)
    assert [(rule.rule_id, rule.name) for rule in first.rules] == [("r0", "boost"), ("r1", "boost")]


async def test_of_a_brand_there_are_as_many_as_may_be(shop: Any, asked: Any, ruled: Rules) -> None:
    await ruled({"brand_cap": {"most": 1}})
    made = await shop.recommend(ANN, asked(k=50), Mode.CONDITIONED)
    assert sorted(Counter(offer.product.brand for offer in made.offers).values()) == [1, 1, 1, 1]


async def test_no_page_of_a_search_holds_more_of_a_brand_than_may_be(shop: Any, asked: Any, ruled: Rules) -> None:
    kettles = [f"k{index}" for index in range(12)]
    for index, name in enumerate(kettles):
        await shop.load({"product_id": name, "title": {"en": f"Steel tea kettle {index}"}, "brand": "AB"[index % 2]})
    await ruled({"brand_cap": {"most": 2}})
    pages = [
        await shop.search.by_text("default", "", "steel tea kettle", asked(k=4), Manner(offset=offset))
        for offset in range(0, 20, 4)
    ]
    for page in pages:
        assert max(Counter(offer.product.brand for offer in page.offers).values(), default=0) <= 2
    assert set(kettles) <= {each for page in pages for each in ids(page)}
    alone = await shop.search.by_text("default", "", "steel tea kettle", asked(k=20, brands=frozenset({"A"})))
    assert len(alone.offers) == 2


async def test_places_are_kept_for_what_is_new(shop: Any, asked: Any, ruled: Rules) -> None:
    await shop.do("bob", "kettle", "pot", "cup", "leaves", "tent", "mat", "shoe")
    await shop.load({"product_id": "new", "title": {"en": "Novelty"}, "released_at": "2025-12-30T00:00:00Z"})
    await shop.load({"product_id": "old", "title": {"en": "Antique"}, "released_at": "2025-01-30T00:00:00Z"})
    assert "new" not in ids(await shop.recommend(ANN, asked(k=4), Mode.CONDITIONED))
    await ruled({"fresh_quota": {"share": 0.25, "days": 7}})
    made = await shop.recommend(ANN, asked(k=4), Mode.CONDITIONED)
    assert "new" in ids(made)
    assert "old" not in ids(made)
    assert [rule.name for offer in made.offers for rule in offer.rules] == ["fresh_quota"]
    await shop.load({"product_id": "later", "title": {"en": "Prospect"}, "released_at": "2026-12-30T00:00:00Z"})
    await ruled({"fresh_quota": {"share": 0.5, "days": 7}})
    assert "later" not in ids(await shop.recommend(ANN, asked(k=4), Mode.CONDITIONED))


async def test_offers_differ_where_that_is_wanted(shop: Any, asked: Any, ruled: Rules) -> None:
    for index in range(6):
        await shop.load({"product_id": f"k{index}", "title": {"en": f"Steel tea kettle {index}"}})
    await shop.do("bob", "tent", "shoe", "leaves", "mat", *(f"k{index}" for index in range(6)))
    await ruled({"diversity": {"strength": 0.9}})
    assert sum(each.startswith("k") for each in ids(await shop.recommend(ANN, asked(k=5), Mode.CONDITIONED))) <= 2


GROWN_UP = {"adults_only": {}, "match": {"categories": ["outdoor"]}}


@pytest.mark.parametrize(
    ("told", "offered"),
    [
        ({}, False),
        ({"adult": "true"}, True),
        ({"adult": "false"}, False),
        ({"age": "18"}, True),
        ({"age": "17"}, False),
        ({"age": "old enough"}, False),
        ({"birth_date": "2008-01-01"}, True),
        ({"birth_date": "2008-01-02"}, False),
        ({"birth_date": "yesterday", "age": "44", "adult": "true"}, False),
    ],
)
async def test_adult_goods_are_for_those_of_whom_the_record_says_so(
    shop: Any,
    asked: Any,
    ruled: Rules,
    need: Any,
    told: dict[str, str],
    offered: bool,  # noqa: FBT001 - of a table
) -> None:
    await ruled(GROWN_UP)
    shop.needs.view = need(customer=r.Customer(attributes=told))
    assert ("tent" in await recommended(shop, asked)) is offered


async def test_while_nobody_can_tell_who_somebody_is_adult_goods_are_offered_to_no_one(
    shop: Any, asked: Any, ruled: Rules
) -> None:
    await ruled(GROWN_UP)
    assert "tent" not in await recommended(shop, asked)
    assert "tent" not in ids(await shop.similar(Key("default", "mat"), asked(k=50)))
    assert "tent" not in ids(await shop.search.by_text("default", "", "tent", asked(k=50)))


async def test_goods_for_the_adults_of_a_region_are_offered_to_no_one_while_nobody_can_tell_who_lives_there(
    shop: Any, asked: Any, ruled: Rules, need: Any
) -> None:
    await ruled({**GROWN_UP, "audience": {"regions": ["DE"]}})
    assert "tent" not in await recommended(shop, asked)
    assert "tent" not in ids(await shop.similar(Key("default", "mat"), asked(k=50)))
    assert "tent" not in ids(await shop.search.by_text("default", "", "tent", asked(k=50)))
    shop.needs.view = need(customer=r.Customer(region="CH"))
    assert "tent" in await recommended(shop, asked)


async def test_a_rule_for_a_language_holds_in_the_language_that_is_asked_for_in_every_verb(
    shop: Any, asked: Any, ruled: Rules, need: Any
) -> None:
    await ruled({"exclude": {}, "match": TENT, "audience": {"languages": ["zh"]}})
    shop.needs.view = need(customer=r.Customer(language="en"), language="en")
    for language, there in (("zh", False), ("en", True)):
        given = asked(k=50, language=language)
        assert ("tent" in ids(await shop.recommend(ANN, given, Mode.CONDITIONED))) is there
        assert ("tent" in ids(await shop.search.by_text("default", "ann", "tent", given))) is there


async def test_words_of_no_language_are_asked_in_that_of_the_person(
    shop: Any, asked: Any, ruled: Rules, need: Any
) -> None:
    await shop.load({"product_id": "model", "title": {"en": "4711", "zh": "4711 号"}})
    shop.needs.view = need(customer=r.Customer(language="zh"), language="zh")
    given = asked(k=50, language="")
    (found,) = (await shop.search.by_text("default", "ann", "4711", given)).offers
    assert found.reason == "符合“4711”"
    await ruled({"exclude": {}, "match": {"product_ids": ["model"]}, "audience": {"languages": ["zh"]}})
    assert not (await shop.search.by_text("default", "ann", "4711", given)).offers


@pytest.mark.parametrize("known", [True, False])
async def test_a_rule_holds_for_its_audience_and_its_place(
    shop: Any,
    asked: Any,
    ruled: Rules,
    need: Any,
    known: bool,  # noqa: FBT001 - of a table
) -> None:
    await ruled(
        {"exclude": {}, "match": TENT, "audience": {"regions": ["CH"]}},
        {"exclude": {}, "match": {"product_ids": ["mat"]}, "contexts": ["CONTEXT_CART"]},
        {"pin": {}, "match": {"product_ids": ["sock"]}, "audience": {"tiers": ["gold"]}},
    )
    shop.needs.view = need(customer=r.Customer(tier="gold", region="DE")) if known else None
    offers = await recommended(shop, asked)
    assert ("tent" in offers, offers[0] == "sock") == ((True, True) if known else (False, False))
    assert "mat" in offers
    cart = replace(asked(k=50), context=Context.CART)
    assert "mat" not in ids(await shop.recommend(ANN, cart, Mode.CONDITIONED))


async def test_a_rule_holds_in_its_time(shop: Any, asked: Any, ruled: Rules) -> None:
    await ruled({"exclude": {}, "match": TENT, "active_from": "2026-01-02T00:00:00Z",
                 "active_until": "2026-01-03T00:00:00Z"})  # fmt: skip
    found = []
    for days in (0, 1, 2):
        shop.now = NOW + days * DAY
        found.append("tent" in await recommended(shop, asked))
    assert found == [True, False, True]


async def test_consumables_come_back_and_a_fridge_does_not(shop: Any, asked: Any, ruled: Rules) -> None:
    await ruled({"repurchase": {"after_days": 30}, "match": {"categories": ["food"]}})
    await shop.do("ann", "leaves", "kettle", done=Done.WANTED | Done.BOUGHT, at=NOW)
    await shop.do("ann", "leaves", at=NOW + 29 * DAY)  # a look at it does not start the time anew
    found = []
    for days in (29, 30.1):
        shop.now = NOW + int(days * DAY)
        offers = set(await recommended(shop, asked))
        found.append(("leaves" in offers, "kettle" in offers))
    assert found == [(False, False), (True, False)]


async def test_what_is_never_offered_again_is_not_even_to_those_who_ask_for_all(
    shop: Any, asked: Any, ruled: Rules
) -> None:
    await shop.do("ann", "leaves", "kettle", done=Done.WANTED | Done.BOUGHT, at=NOW)
    assert {"leaves", "kettle"} <= set(await recommended(shop, asked, seen=True))
    await ruled({"repurchase": {}, "match": {"product_ids": ["kettle"]}})
    offers = set(await recommended(shop, asked, seen=True))
    assert "leaves" in offers
    assert "kettle" not in offers


async def test_a_rule_holds_for_a_product_that_comes_and_for_one_that_changes(
    shop: Any, asked: Any, ruled: Rules, catalogue: Any
) -> None:
    await ruled({"exclude": {}, "match": {"brands": ["Nord"]}})
    await shop.load({"product_id": "new", "title": {"en": "New"}, "brand": "Nord"})
    assert "new" not in await recommended(shop, asked)
    await shop.load({"product_id": "new", "title": {"en": "New"}, "brand": "Sud"})
    await shop.load({**catalogue[0], "brand": "Nord"})
    offers = await recommended(shop, asked)
    assert "new" in offers
    assert catalogue[0]["product_id"] not in offers


async def test_an_explanation_names_the_rules_and_what_they_forbid(shop: Any, ruled: Rules) -> None:
    await ruled({"exclude": {}, "match": TENT, "reason": "recalled"}, {"boost": {"by": 1}, "match": TENT})
    why = await shop.explain(ANN, "tent", "en", Mode.CONDITIONED)
    assert why.excluded == "rule 'r0': recalled"
    assert [rule.name for rule in why.rules] == ["exclude", "boost"]
    assert not (await shop.explain(ANN, "mat", "en", Mode.CONDITIONED)).rules


async def test_a_shortage_names_the_rules_behind_it(shop: Any, asked: Any, ruled: Rules) -> None:
    await ruled({"exclude": {}, "match": {"categories": ["kitchen", "food", "outdoor", "sport"]}})
    made = await shop.recommend(ANN, asked(), Mode.CONDITIONED)
    assert not made.offers
    assert "rule 'r0' leaves out 8 of them" in made.shortage


async def test_a_shortage_names_the_rules_that_let_only_so_many_of_a_brand_be_offered(
    shop: Any, asked: Any, ruled: Rules
) -> None:
    await ruled({"brand_cap": {"most": 1}}, {"brand_cap": {"most": 5}})
    made = await shop.recommend(ANN, asked(k=50), Mode.CONDITIONED)
    assert made.shortage == "8 products meet the conditions; rule 'r0' leaves out 4 of them"


async def test_a_product_that_comes_in_the_middle_of_a_request_meets_the_rules_too(
    shop: Any, asked: Any, ruled: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ruled({"exclude": {}, "match": {"brands": ["Nord"]}})
    nearest = shop.index.nearest

    async def slowly(*given: Any) -> Any:
        found = await nearest(*given)
        await shop.load(
            {"product_id": "new", "title": {"en": "Tent"}, "brand": "Nord", "released_at": "2025-12-31T00:00:00Z"}
        )
        await shop.gone("mat", 900)
        return found

    monkeypatch.setattr(shop.index, "nearest", slowly)
    await shop.do("ann", "kettle")
    offers = await recommended(shop, asked)
    assert "leaves" in offers
    assert {"new", "mat"}.isdisjoint(offers)


async def test_what_is_out_of_stock_is_brought_back_by_no_request_where_a_rule_says_so(
    shop: Any, asked: Any, ruled: Rules
) -> None:
    assert "bag" in await recommended(shop, asked, out_of_stock=True)
    await ruled({"exclude": {}, "match": {"in_stock": False}})
    assert "bag" not in await recommended(shop, asked, out_of_stock=True)
    back = {"product_id": "bag", "title": {"en": "Warm sleeping bag"}, "category": "outdoor/sleep"}
    await shop.load(back, offset=100)
    assert "bag" in await recommended(shop, asked, out_of_stock=True)
