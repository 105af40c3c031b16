"""What a search reads out of words, on a small bilingual shop."""

from __future__ import annotations

from typing import Any

import pytest

from recommender.usecases import find
from recommender.usecases.search import Manner

BOTTLES = [
    {
        "product_id": f"bottle-{size}-{material['en']}",
        "title": {"en": f"Travel bottle {size} ml", "zh": f"旅行水瓶 {size}毫升"},
        "category": "kitchen/bottles",
        "category_name": {"en": "Bottles", "zh": "水瓶"},
        "brand": "Quill & Fern",
        "price": {"currency": "EUR", "amount": amount},
        "attributes": [
            {"name": "capacity", "value": {"en": f"{size} ml", "zh": f"{size}毫升"}},
            {"name": "material", "value": material},
        ],
    }
    for size, material, amount in (
        (500, {"en": "steel", "zh": "钢"}, "20.00"),
        (750, {"en": "steel", "zh": "钢"}, "25.00"),
        (500, {"en": "plastic", "zh": "塑料"}, "10.00"),
        (1000, {"en": "glass", "zh": "玻璃"}, "30.00"),
    )
]
ALL = {str(each["product_id"]) for each in BOTTLES}


def ids(made: Any) -> list[str]:
    return [offer.product.key.product_id for offer in made.offers]


@pytest.fixture
async def stocked(shop: Any) -> Any:
    await shop.load(*BOTTLES, offset=100)
    return shop


async def test_slips_of_the_keys_are_mended_and_told(stocked: Any, asked: Any) -> None:
    made = await stocked.search.by_text("default", "", "travle botle", asked())
    assert set(ids(made)[:4]) == ALL
    assert (made.reading.typed, made.reading.corrected) == (["travle", "botle"], ["travel", "bottle"])


async def test_a_word_of_the_language_is_no_slip_even_where_the_shop_does_not_have_it(stocked: Any, asked: Any) -> None:
    made = await stocked.search.by_text("default", "", "battle", asked())
    assert made.reading.corrected == []


async def test_a_word_whose_products_are_gone_mends_nothing(stocked: Any, asked: Any) -> None:
    await stocked.load({"product_id": "odd", "title": {"en": "Zwirnel"}}, offset=200)
    assert (await stocked.search.by_text("default", "", "zwirnl", asked())).reading.corrected == ["zwirnel"]
    await stocked.gone("odd", 300)
    assert (await stocked.search.by_text("default", "", "zwirnl", asked())).reading.corrected == []


@pytest.mark.parametrize("words", ["500ml bottle", "bottle 0.5 l", "水瓶 500毫升", "500 ml"])
async def test_a_size_is_kept_in_whatever_unit_it_is_typed(stocked: Any, asked: Any, words: str) -> None:
    made = await stocked.search.by_text("default", "", words, asked())
    assert set(ids(made)) == {"bottle-500-steel", "bottle-500-plastic"}
    assert made.read.traits == (("capacity", frozenset({"500 ml", "500毫升"})),)


def boots(size: str, **more: Any) -> dict[str, Any]:
    said = {"attributes": [{"name": "size", "value": {"en": size}}]} if size else {}
    return {"product_id": f"boots-{size}", "title": {"en": "Marsh boots"}, **said, **more}


async def test_a_size_that_nothing_has_finds_nothing_and_says_so(stocked: Any, asked: Any) -> None:
    await stocked.load(boots("39"), boots("42"), offset=200)
    made = await stocked.search.by_text("default", "", "marsh boots size 45", asked())
    assert (ids(made), made.found, made.shortage) == ([], 0, "nothing that was found is size 45")
    assert ids(await stocked.search.by_text("default", "", "marsh boots size 42", asked())) == ["boots-42"]


@pytest.mark.parametrize("words", ["bottle 600 ml", "水瓶600毫升", "bottle 500 ml over 25", "bottle over 1.5 l"])
async def test_a_quantity_is_never_given_up_for_the_other_words(stocked: Any, asked: Any, words: str) -> None:
    made = await stocked.search.by_text("default", "", words, asked(20))
    assert (ids(made), made.shortage[:23]) == ([], "nothing that was found ")


async def test_a_brand_gives_way_where_none_of_its_products_is_of_the_size(stocked: Any, asked: Any) -> None:
    brand, other = {"brand": "Morvane"}, {"brand": "Ostrel"}
    await stocked.load(boots("39", **brand), boots("42", **other), offset=200)
    made = await stocked.search.by_text("default", "", "morvane boots size 42", asked())
    assert (ids(made), made.read.brands) == (["boots-42"], frozenset())
    assert made.read.traits == (("size", frozenset({"42"})),)


async def test_any_of_several_attributes_may_state_a_quantity(stocked: Any, asked: Any) -> None:
    volume = {"attributes": [{"name": "volume", "value": {"en": "0.5 l"}}]}
    await stocked.load({"product_id": "flask", "title": {"en": "Travel bottle"}, **volume}, offset=200)
    made = await stocked.search.by_text("default", "", "travel bottle 500 ml", asked(20))
    assert set(ids(made)) == {"bottle-500-steel", "bottle-500-plastic", "flask"}
    assert made.read.traits == ()  # no filter can ask for either


async def test_a_title_states_a_quantity_too(stocked: Any, asked: Any) -> None:
    await stocked.load(
        {"product_id": "small", "title": {"en": "Glass bottle 0.6 l"}},
        {"product_id": "large", "title": {"en": "Glass bottle 2 l"}},
        offset=200,
    )
    assert ids(await stocked.search.by_text("default", "", "glass bottle 600 ml", asked(20))) == ["small"]


async def test_a_quantity_of_something_else_leaves_what_states_none(stocked: Any, asked: Any) -> None:
    lamp = {"attributes": [{"name": "battery", "value": {"en": "20 h"}}]}
    await stocked.load(boots(""), {"product_id": "lamp", "title": {"en": "Head lamp"}, **lamp}, offset=200)
    made = await stocked.search.by_text("default", "", "marsh boots for 3 hours on foot", asked())
    assert ids(made)[0] == "boots-"
    assert "lamp" not in ids(made)


async def test_where_no_attribute_states_a_kind_of_quantity_it_is_words(stocked: Any, asked: Any) -> None:
    made = await stocked.search.by_text("default", "", "travel bottle 3 kg", asked(20))
    assert set(ids(made)) >= ALL
    assert made.shortage == ""


@pytest.mark.parametrize(
    ("words", "sizes"),
    [
        ("bottle under 0.8 l", {500, 750}), ("bottle 750 ml or more", {750, 1000}), ("600毫升以下的水瓶", {500}),
        ("bottle 0.6-1 l", {750, 1000}), ("bottle 500 or 750 ml", {500, 750}), ("bottle no more than 500 ml", {500}),
    ],
)  # fmt: skip
async def test_limits_of_quantities_are_kept(stocked: Any, asked: Any, words: str, sizes: set[int]) -> None:
    made = await stocked.search.by_text("default", "", words, asked(20))
    assert {int(each.split("-")[1]) for each in ids(made)} == sizes


async def test_a_brand_that_was_typed_is_kept(stocked: Any, asked: Any) -> None:
    made = await stocked.search.by_text("default", "", "quill & fern bottle", asked(20))
    assert made.read.brands == {"Quill & Fern"}
    assert set(ids(made)) == ALL


async def test_of_two_brands_that_were_typed_both_are_kept(stocked: Any, asked: Any) -> None:
    made = await stocked.search.by_text("default", "", "swift or ridge", asked(20))
    assert made.read.brands == {"Swift", "Ridge"}
    assert set(ids(made)) == {"shoe", "sock", "tent", "mat"}


async def test_a_brand_whose_name_is_a_word_of_other_products_excludes_none_of_them(stocked: Any, asked: Any) -> None:
    await stocked.load(
        {"product_id": "apple-pie", "title": {"en": "Apple pie"}, "brand": "Ovenly"},
        {"product_id": "apple-tea", "title": {"en": "Apple tea"}, "brand": "Lark"},
        {"product_id": "phone", "title": {"en": "Phone"}, "brand": "Apple"},
        offset=200,
    )
    made = await stocked.search.by_text("default", "", "apple", asked())
    assert set(ids(made)) >= {"apple-pie", "apple-tea", "phone"}
    assert made.read.brands == frozenset()


async def test_a_category_is_a_condition_where_it_is_all_that_was_typed(stocked: Any, asked: Any) -> None:
    for words in ("bottles", "水瓶"):
        made = await stocked.search.by_text("default", "", words, asked(20))
        assert (made.read.categories, set(ids(made))) == ({"kitchen/bottles"}, ALL)


@pytest.mark.parametrize("words", ["bottle without plastic", "no plastic bottle", "不要塑料的水瓶"])
async def test_what_must_not_be_is_left_out_in_both_languages(stocked: Any, asked: Any, words: str) -> None:
    made = await stocked.search.by_text("default", "", words, asked(20))
    assert set(ids(made)) >= ALL - {"bottle-500-plastic"}
    assert "bottle-500-plastic" not in ids(made)
    assert made.reading.without in (["plastic"], ["塑料"])


async def test_verbatim_words_state_nothing(stocked: Any, asked: Any) -> None:
    made = await stocked.search.by_text("default", "", "botle under 15 without steel", asked(), Manner(verbatim=True))
    assert (made.reading.typed, made.reading.most, made.reading.without) == ((), None, ())
    assert made.reading.text == "botle under 15 without steel"


async def test_a_price_of_the_words_and_one_of_the_filter_are_both_kept(stocked: Any, asked: Any) -> None:
    made = await stocked.search.by_text(
        "default", "", "bottle under 25", asked(20, currency="EUR", least=20.0, most=99.0)
    )
    assert set(ids(made)) == {"bottle-500-steel", "bottle-750-steel"}


@pytest.mark.parametrize(
    ("words", "allowed", "why"),
    [
        ("bottle over 60 under 20", {}, "the words ask for at least 60 and at most 20"),
        ("bottle under 20", {"currency": "EUR", "least": 30.0},
         "words and filter together ask for at least 30 and at most 20 EUR"),
        ("bottle under $20", {"currency": "EUR", "most": 30.0}, "the words ask for prices in USD, the filter for EUR"),
        ("bottle under $20", {}, "no product has a price in USD"),
        ("bottle from 10€ to 30 USD", {}, "the words state prices in more than one currency"),
        ("qwxzv", {}, "nothing fits the words"),
    ],
)  # fmt: skip
async def test_where_nothing_is_found_it_is_said_why(
    stocked: Any, asked: Any, words: str, allowed: Any, why: str
) -> None:
    made = await stocked.search.by_text("default", "", words, asked(**allowed))
    assert (ids(made), made.found, made.shortage) == ([], 0, why)


async def test_a_price_alone_finds_whatever_keeps_it(stocked: Any, asked: Any) -> None:
    made = await stocked.search.by_text("default", "", "under 10", asked(20))
    assert set(ids(made)) == {"cup", "sock", "bottle-500-plastic"}


async def test_pages_follow_each_other_without_a_gap_or_a_repeat(stocked: Any, asked: Any) -> None:
    whole = ids(await stocked.search.by_text("default", "", "travel bottle", asked(20)))
    pages = [
        await stocked.search.by_text("default", "", "travel bottle", asked(2), Manner(offset=at)) for at in (0, 2, 4)
    ]
    assert [each for page in pages for each in ids(page)] == whole[:6]
    assert {page.found for page in pages} == {len(whole)}


async def test_a_product_that_goes_or_becomes_dear_in_the_middle_of_a_search_is_not_in_its_reply(
    stocked: Any, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kettle(index: int, amount: str = "10") -> dict[str, Any]:
        price = {"currency": "EUR", "amount": amount}
        return {"product_id": f"k{index}", "title": {"en": f"Steel tea kettle {index}"}, "price": price}

    await stocked.load(*(kettle(index) for index in range(130)), offset=200)
    waiting = [("by_words", 1, 2), ("nearest", 3, 4)]  # in the first look, and in the second

    async def change(after: str) -> None:
        if waiting and waiting[0][0] == after:
            _, gone, dear = waiting.pop(0)
            await stocked.gone(f"k{gone}", 1000 + gone)
            await stocked.load(kettle(dear, "100"), offset=1000 + dear)

    for name in ("nearest", "by_words"):
        look = getattr(stocked.index, name)

        async def slowly(*given: Any, look: Any = look, name: str = name) -> Any:
            found = await look(*given)
            await change(name)
            return found

        monkeypatch.setattr(stocked.index, name, slowly)
    monkeypatch.setattr(find, "_EXACTLY", 0)
    made = await stocked.search.by_text("default", "", "steel tea kettle under 50", asked(200))
    assert not waiting
    assert len(made.offers) > 100
    assert {"k1", "k2", "k3", "k4"}.isdisjoint(ids(made))


async def test_facets_count_more_than_the_page_in_the_language_asked_for(stocked: Any, asked: Any) -> None:
    made = await stocked.search.by_text("default", "", "水瓶", asked(1, language="zh"), Manner(facets=True))
    found = {facet.name: [(v.value, v.label, v.count) for v in facet.values] for facet in made.facets}
    assert found["category"] == [("kitchen/bottles", "水瓶", 4)]
    assert found["brand"] == [("Quill & Fern", "Quill & Fern", 4)]
    assert found["material"] == [("钢", "钢", 2), ("塑料", "塑料", 1), ("玻璃", "玻璃", 1)]
    assert sum(count for *_, count in found["price"]) == 4
    assert found["price"][0][0] == "10.00-10.00 EUR"


async def test_the_edges_of_prices_are_told_to_the_last_digit(stocked: Any, asked: Any) -> None:
    price = {"currency": "EUR", "amount": "9.9954"}
    await stocked.load({"product_id": "nail", "title": {"en": "Zinc nail"}, "price": price}, offset=200)
    made = await stocked.search.by_text("default", "", "zinc nail", asked(), Manner(facets=True))
    (band,) = next(facet for facet in made.facets if facet.name == "price").values
    assert band.value == "9.9954-9.9954 EUR"


async def test_english_words_find_titles_in_chinese_alone_and_the_other_way_round(bare: Any, asked: Any) -> None:
    await bare.load(
        {"product_id": "umbrella", "title": {"zh": "折叠雨伞"}}, {"product_id": "towel", "title": {"zh": "纯棉毛巾"}},
        {"product_id": "lamp", "title": {"en": "Desk lamp"}}, {"product_id": "pillow", "title": {"en": "Down pillow"}},
    )  # fmt: skip
    for words, first in (("umbrella", "umbrella"), ("towel", "towel"), ("台灯", "lamp"), ("枕头", "pillow")):
        made = await bare.search.by_text("default", "", words, asked(1))
        assert ids(made) == [first], words
        assert "words" in made.offers[0].sources, words


@pytest.mark.parametrize(
    ("words", "is_one", "is_for_one"),
    [
        ("kettle", "Electric Kettle, 1.7 L", "Descaler for Kettles"),
        ("手机壳", "黑色超薄磨砂手机壳 新款", "挂绳 适用于手机壳"),
    ],
)
async def test_what_a_product_is_ranks_before_what_it_is_for(
    bare: Any, asked: Any, words: str, is_one: str, is_for_one: str
) -> None:
    for product_id, title in (("for", is_for_one), ("is", is_one)):
        await bare.load({"product_id": product_id, "title": {"und": title}, "category": "c-1"})
    assert ids(await bare.search.by_text("default", "", words, asked(2))) == ["is", "for"]
