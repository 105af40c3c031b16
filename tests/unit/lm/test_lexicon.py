from __future__ import annotations

import re

import pytest

from lm.lexicon import LexiconError, load, parse

HAN = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"[a-z0-9]+( [a-z0-9]+){0,3}")


@pytest.mark.parametrize(
    ("chinese", "english"),
    [
        ("申请退货", "request return"),
        ("包邮", "free shipping"),
        ("保温杯", "insulated bottle"),
        ("七天无理由", "seven day return"),
        ("发票", "invoice"),
    ],
)
def test_a_phrase_of_the_shop_is_known_whole(chinese: str, english: str) -> None:
    assert load()[chinese] == english


def test_the_lexicon_is_large() -> None:
    assert len(load()) >= 1_300


def test_every_entry_is_chinese_on_one_side_and_one_to_four_plain_words_on_the_other() -> None:
    odd = {c: e for c, e in load().items() if not HAN.search(c) or c != c.strip() or not ENGLISH.fullmatch(e)}
    assert odd == {}


def test_the_lexicon_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        load()["杯"] = "mug"  # type: ignore[index]


def test_headings_and_empty_lines_are_no_entries() -> None:
    assert parse(["# kitchen", "", "  ", "杯\tcup"]) == {"杯": "cup"}


@pytest.mark.parametrize("line", ["杯", "杯 cup", "杯\t", "\tcup", "杯\tcup\tmug", "杯\t "])
def test_a_line_that_is_no_entry_is_refused_by_its_number(line: str) -> None:
    with pytest.raises(LexiconError, match="line 2"):
        parse(["# kitchen", line])


def test_the_same_word_twice_is_refused_with_its_first_meaning() -> None:
    with pytest.raises(LexiconError, match=r"line 2.*'杯'.*'cup'"):
        parse(["杯\tcup", "杯\tmug"])
