from __future__ import annotations

import pytest

from lm.language import detect


@pytest.mark.parametrize(
    "text", ["如何申请退货?", "保温杯", "iPhone 15 手机壳", "Adidas Superstar 板鞋", "SK-II 面霜 50g"]
)
def test_chinese_stays_chinese_beside_brands_and_models(text: str) -> None:
    assert detect(text) == "zh"


@pytest.mark.parametrize(
    "text",
    ["How do I return an item?", "XPS-13", "café", "The 保温杯 I bought last week is leaking, how do I send it back?"],
)
def test_english_stays_english_when_it_quotes_a_chinese_product(text: str) -> None:
    assert detect(text) == "en"


@pytest.mark.parametrize(
    "text", ["", "   ", "12345", "!?…", "😀😀", "\x00\x07\x1b", "Где мой заказ?", "안녕하세요", "カメラの電池"]
)
def test_what_is_neither_is_undetermined(text: str) -> None:
    assert detect(text) == "und"


def test_full_width_latin_letters_are_latin() -> None:
    assert detect("ＨＥＬＬＯ") == "en"


def test_only_the_beginning_of_a_giant_text_decides() -> None:
    assert detect("退货" * 1_000 + "a" * 1_000_000) == "zh"


def test_a_lone_surrogate_does_no_harm() -> None:
    assert detect("\ud800退货") == "zh"
