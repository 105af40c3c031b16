from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from recommender.domain.reading import units
from recommender.domain.reading.amounts import number
from recommender.domain.reading.measures import measures
from recommender.domain.reading.prices import limits
from recommender.domain.reading.units import Quantity, asked, stated
from recommender.domain.reading.without import holds, unwanted
from recommender.domain.spelling import Spelling, distance


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("50", 50), ("49.90", "49.90"), ("49,90", "49.90"), ("1,299", 1299), ("1,299.50", "1299.50"),
        ("1.299,00", 1299), ("1.2k", 1200), ("五十", 50), ("两百", 200), ("两百五", 250),
        ("一千五", 1500), ("一百二十", 120), ("一千零五", 1005), ("一万二", 12000), ("百", 100),
        ("3千", 3000), ("1.5万", 15000), ("二〇", 20), ("十五", 15),
        ("fifty", 50), ("twenty-five", 25), ("two hundred and fifty", 250), ("a hundred", 100), ("two thousand", 2000),
    ],
)  # fmt: skip
def test_numbers_are_read_as_they_are_typed(typed: str, value: Any) -> None:
    assert number(typed) == Decimal(value)


@pytest.mark.parametrize(
    ("typed", "least", "most", "left"),
    [
        ("kettle under 50", None, 50, "kettle"), ("below €50", None, 50, ""), ("less than 20 euros", None, 20, ""),
        ("lamp between 20 and 40", 20, 40, "lamp"), ("between 40 and 20", 20, 40, ""), ("over 100", 100, None, ""),
        ("50 or less", None, 50, ""), ("at least 30 euro", 30, None, ""), ("20-40 euro lamp", 20, 40, "lamp"),
        ("kettle < 50", None, 50, "kettle"), ("max 50", None, 50, ""), ("50€ max", None, 50, ""),
        ("under 1,299.50", None, "1299.50", ""), ("under 1.299 €", None, 1299, ""),
        ("less than 1 000 euros", None, 1000, ""), ("laptop under €1 299", None, 1299, "laptop"),
        ("tv under 2 499,90 €", None, "2499.90", "tv"), ("tv from 2020 euros", 2020, None, "tv"),
        ("watch over 2000", 2000, None, "watch"),
        ("up to 49,90 €", None, "49.90", ""),
        ("under fifty", None, 50, ""), ("no more than 50", None, 50, ""), ("priced under 45.5", None, "45.5", ""),
        ("100+ euros", 100, None, ""), ("１００元以内", None, 100, ""), ("50元以下", None, 50, ""),
        ("五十元以下的水壶", None, 50, "水壶"), ("100到200元", 100, 200, ""), ("不超过300", None, 300, ""),
        ("200以内的耳机", None, 200, "耳机"), ("预算五百元的手机", None, 500, "手机"), ("百元以内", None, 100, ""),
        ("不低于50元", 50, None, ""), ("20元起", 20, None, ""), ("价格100-200", 100, 200, ""),
        ("超过100元", 100, None, ""), ("over 20 under 50", 20, 50, ""), ("from 5 to 10 euros", 5, 10, ""),
        ("no less than 50", 50, None, ""), ("kettle not under 50", 50, None, "kettle"),
        ("never above 50", None, 50, ""),
        ("shouldn't cost more than 50", None, 50, ""), ("I don’t want to pay over €50", None, 50, "I"),
        ("isn't over 50", None, 50, ""), ("must not exceed 50", None, 50, "must"), ("nothing under 20", 20, None, ""),
        ("price not higher than 50", None, 50, ""), ("no-iron shirt over 50", 50, None, "no-iron shirt"),
        ("tent over 50", 50, None, "tent"), ("不能低于50", 50, None, ""), ("不想花超过50元", None, 50, ""),
        ("别超过100", None, 100, ""), ("不要50元以下的", 50, None, ""), ("不要100元以上的", None, 100, ""),
        ("特别低于50", None, 50, "特别"),
    ],
)  # fmt: skip
def test_price_limits_are_read_out_of_words(typed: str, least: Any, most: Any, left: str) -> None:
    found, rest = limits(unicodedata.normalize("NFKC", typed), ["EUR"])
    assert rest == left
    assert {limit.currency for limit in found} == {"EUR"}
    assert [limit.least for limit in found if limit.least is not None] == ([] if least is None else [Decimal(least)])
    assert [limit.most for limit in found if limit.most is not None] == ([] if most is None else [Decimal(most)])


@pytest.mark.parametrize(
    "typed",
    [
        "tv under 55 inch", "kettle under 50 cm", "不超过3公斤", "3岁以下玩具", "200g以内", "under 2 kg", "mp3 player",
        "iphone 15", "2 in 1 kettle", "headphones over ear", "skincare for women over 50", "size 42", "lamp 40-60 w",
        "toys from 5 to 10 years", "not over 3 hours", "phone from 2020", "films from 1990 to 1999",
    ],
)  # fmt: skip
def test_numbers_of_something_else_are_no_prices(typed: str) -> None:
    assert limits(typed, ["EUR"]) == ([], typed)


@pytest.mark.parametrize(
    ("typed", "sold_in", "currency"),
    [
        ("under 50", ["GBP"], "GBP"), ("under $50", ["EUR"], "USD"), ("under $50", ["CAD", "USD"], "CAD"),
        ("50元以下", ["EUR"], "EUR"), ("50元以下", ["EUR", "CNY"], "CNY"), ("¥50以下", ["JPY"], "JPY"),
        ("under 50 pounds", ["GBP"], "GBP"), ("under $50 CAD", ["EUR"], "CAD"),
        ("under 50 chf", ["EUR"], "CHF"), ("50人民币以下", ["EUR"], "CNY"),
    ],
)  # fmt: skip
def test_a_currency_is_the_one_that_was_typed_else_the_shop_s(typed: str, sold_in: list[str], currency: str) -> None:
    (limit,), _ = limits(typed, sold_in)
    assert limit.currency == currency


def test_pounds_are_a_weight_where_nothing_is_sold_for_them() -> None:
    assert limits("dumbbell under 50 pounds", ["EUR"]) == ([], "dumbbell under 50 pounds")


@pytest.mark.parametrize(
    "text", ["一" * 1000 + "以下", "1 " * 500, "1,111" * 200, "one under " * 100, "between " * 120]
)
def test_what_is_no_query_is_read_to_its_end_all_the_same(text: str) -> None:
    assert limits(text, ["EUR"])


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("1.5 l kettle", [Quantity("ml", "1500")]), ("500ml bottle", [Quantity("ml", "500")]),
        ("水壶 1.7升", [Quantity("ml", "1700")]), ("shoes size 42", [Quantity("size", "42")]),
        ("连衣裙 m码", [Quantity("size", "m")]), ("tent for 4 persons", [Quantity("persons", "4")]), ("kettle", []),
    ],
)  # fmt: skip
def test_quantities_are_read_in_one_unit_of_each_kind(typed: str, found: list[Quantity]) -> None:
    assert asked(typed) == found


@pytest.mark.parametrize(
    ("typed", "said", "amounts", "least", "most"),
    [
        ("bottle 500 ml", "500 ml", {"500"}, None, None), ("水瓶500毫升", "500毫升", {"500"}, None, None),
        ("500 or 750 ml", "500 or 750 ml", {"500", "750"}, None, None),
        ("500 ml or 1 l", "500 ml or 1 l", {"500", "1000"}, None, None),
        ("boots size 42 or 43", "size 42 or 43", {"42", "43"}, None, None),
        ("shirt size m/l", "size m/l", {"m", "l"}, None, None),
        ("laptop under 2 kg", "under 2 kg", set(), None, 2000), ("2 kg or less", "2 kg or less", set(), None, 2000),
        ("不超过2公斤", "不超过2公斤", set(), None, 2000), ("500毫升以下", "500毫升以下", set(), None, 500),
        ("not more than 2 kg", "not more than 2 kg", set(), None, 2000),
        ("at least 64 gb", "at least 64 gb", set(), 64, None), ("64gb+ stick", "64gb+", set(), 64, None),
        ("no less than 2 kg", "no less than 2 kg", set(), 2000, None), ("43码以上", "43码以上", set(), 43, None),
        ("tent 4-6 persons", "4-6 persons", set(), 4, 6), ("from 5 to 10 hours", "from 5 to 10 hours", set(), 300, 600),
        ("between 500 ml and 2 l", "between 500 ml and 2 l", set(), 500, 2000),
    ],
)  # fmt: skip
def test_a_quantity_is_asked_for_as_it_is_said(typed: str, said: str, amounts: set[str], least: Any, most: Any) -> None:
    (made,) = measures(typed)
    assert (made.said, made.amounts, made.least, made.most) == (said, amounts, least, most)


@pytest.mark.parametrize("typed", ["about 500 ml", "约500毫升", "500毫升左右", "not 500 ml", "kettle"])
def test_a_quantity_that_is_only_about_so_much_is_no_condition(typed: str) -> None:
    assert measures(typed) == []


@pytest.mark.parametrize("text", ["1 m " * 250, "between 1 m " * 80, "1 or " * 190 + "2 m", "1 m or " * 140])
def test_many_quantities_are_read_to_their_end_all_the_same(text: str) -> None:
    assert len(measures(text)) <= 8


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("capacity", "1.5 l", {Quantity("ml", "1500")}),
        ("size", "40, 41", {Quantity("size", "40"), Quantity("size", "41")}),
        ("capacity", "1.6 l, 1.0 l", {Quantity("ml", "1600"), Quantity("ml", "1000")}), ("material", "oak", set()),
        ("persons", "4", {Quantity("persons", "4")}),
    ],
)  # fmt: skip
def test_attributes_state_quantities_in_the_same_units(name: str, value: str, found: set[Quantity]) -> None:
    assert set(stated(name, value)) == found


def test_what_must_not_be_is_read_where_it_is_no_quality() -> None:
    known = {"leather", "plastic", "塑料"}.__contains__
    assert unwanted("chocolate without sugar", known) == (["sugar"], "chocolate")
    assert unwanted("no leather sofa", known) == (["leather"], "sofa")
    assert unwanted("no-iron shirt", known) == ([], "no-iron shirt")
    assert unwanted("不要塑料的水壶", known) == (["塑料"], "水壶")


def test_a_name_that_denies_something_does_not_have_it() -> None:
    assert holds("dark chocolate with sugar", "sugar")
    assert not holds("sugar-free chocolate", "sugar")
    assert not holds("chocolate, no added sugar", "sugar")
    assert not holds("无糖巧克力", "糖")
    assert not holds("ginger biscuits", "gin")


def _everywhere(word: str) -> float:
    del word
    return 1.0


def test_a_slip_of_the_keys_is_mended_by_the_word_that_most_products_have() -> None:
    spelling = Spelling()
    spelling.learn("Steel kettle, porcelain teapot, headphones, bottle, battle")
    mended = {typed: spelling.nearest(typed, _everywhere) for typed in ("ketle", "kettel", "headfones", "porcelan")}
    assert mended == {"ketle": "kettle", "kettel": "kettle", "headfones": "headphones", "porcelan": "porcelain"}
    assert spelling.nearest("bttle", {"bottle": 2.0, "battle": 1.0}.__getitem__) == "bottle"
    assert spelling.nearest("xyzzy", _everywhere) == ""
    assert spelling.nearest("ketle", lambda _: 0.0) == ""  # the products that had it are gone


@pytest.mark.parametrize(
    ("a", "b", "slips"),
    [("ketle", "kettle", 1), ("teh", "the", 1), ("abc", "abc", 0), ("abcd", "dcba", 3), ("a", "b", 1)],
)
def test_slips_are_counted_as_a_typist_makes_them(a: str, b: str, slips: int) -> None:
    assert min(distance(a, b, 2), 3) == slips


_PHRASES: tuple[tuple[str, Callable[[Decimal], str]], ...] = (
    ("under {}", str), ("below €{}", lambda n: f"{n:,}"), ("less than {} euros", str), ("{} or less", str),
    ("{}元以下", str), ("不超过{}", str), ("{}以内", str), ("max {} eur", lambda n: str(n).replace(".", ",")),
    ("up to {}", str),
)  # fmt: skip


async def test_no_result_is_ever_above_a_price_that_was_said(shop: Any, asked: Any) -> None:
    chance = random.Random(5)
    odd = [
        {"product_id": "free", "title": {"en": "Tea kettle without a price"}},
        {
            "product_id": "usd",
            "title": {"en": "Tea kettle from abroad"},
            "price": {"currency": "USD", "amount": "1.00"},
        },
    ]
    await shop.load(*odd, offset=100)
    for _ in range(150):
        phrase, write = chance.choice(_PHRASES)
        limit = (
            Decimal(chance.randint(500, 20_000)) / 100 if chance.random() < 0.5 else Decimal(chance.randint(1, 2_000))
        )
        before, after = chance.choice((("tea kettle ", ""), ("", " 茶"), ("", "")))
        text = f"{before}{phrase.format(write(limit))}{after}"
        made = await shop.search.by_text("default", "", text, asked(20))
        assert all(offer.product.currency == "EUR" and offer.product.amount <= limit for offer in made.offers), text
        assert made.reading.most == limit, text


def test_so_much_a_minute_or_a_square_metre_is_not_so_much() -> None:
    assert units.asked("a shower of 7 l/min, paper of 80 g/m2") == []
    assert list(units.stated("flow", "7 l/min instead of 12")) == []
    assert [each.amount for each in units.stated("capacity", "1.6 l/1.0 l")] == ["1600", "1000"]
    assert [each.amount for each in units.stated("size", "s/m/l")] == ["s", "m", "l"]
