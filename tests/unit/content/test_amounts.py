"""Numbers are read in digits and in words, in both languages, with what they count."""

from __future__ import annotations

from decimal import Decimal

import pytest

from content.domain.amounts import amounts
from content.domain.numerals import chinese


@pytest.mark.parametrize(
    ("text", "value", "of"),
    [
        ("1.7 L", "1700", "volume"),
        ("1,7 l", "1700", "volume"),
        ("1700毫升", "1700", "volume"),
        ("一点五升", "1500", "volume"),
        ("24 months", "24", "calendar"),
        ("两年", "24", "calendar"),
        ("twenty-four months", "24", "calendar"),
        ("2200W", "2200", "power"),
        ("2.2 kW", "2200", "power"),
        ("1,299.00 USD", "1299", "currency"),
        ("¥199", "199", "currency"),
        ("三万五千元", "35000", "currency"),
        ("20%", "20", "share"),
        ("百分之二十", "20", "share"),
        ("五折", "5", "discount"),
        ("第一", "1", "ordinal"),
        ("two dozen cups", "24", "cup"),
    ],
)
def test_an_amount_is_read_whatever_way_it_is_written(text: str, value: str, of: str) -> None:
    (found,) = amounts(text)
    assert (found.value, found.of) == (Decimal(value), of)
    assert (found.start, found.end) == (0, len(text))


@pytest.mark.parametrize(
    "text", ["一个好壶", "十分好看", "one of a kind", "百叶窗", "三明治", "千万别错过", "XPS13", "一起来"]
)
def test_words_that_only_look_like_numbers_are_none(text: str) -> None:
    assert amounts(text) == []


def test_the_unit_of_a_list_holds_for_all_of_it() -> None:
    assert [a.value for a in amounts("70, 80 and 100 °C") if a.of == "temperature"] == [70, 80, 100]


@pytest.mark.parametrize(
    ("text", "number"),
    [("十", 10), ("二十四", 24), ("一百零五", 105), ("三万五千", 35_000), ("二〇二六", 2026), ("两亿", 200_000_000)],
)
def test_chinese_numerals_are_read_by_places_and_digit_by_digit(text: str, number: int) -> None:
    assert chinese(text) == number


def test_what_is_no_number_is_none() -> None:
    assert chinese("百") is None
    assert chinese("好") is None
