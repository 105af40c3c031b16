from __future__ import annotations

import subprocess
import sys

import pytest

from lm.lexical import words


def test_english_loses_stop_words_and_endings() -> None:
    assert words("How do I return the shipped batteries?") == ["return", "ship", "battery"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("shoes", "shoe"),
        ("shipping", "shipped"),
        ("charging", "charged"),
        ("deliveries", "delivery"),
        ("dresses", "dress"),
        ("women's", "women"),
        ("don’t worry", "don't worry"),
        ("T-shirts", "tshirt"),
        ("crème brûlée", "creme brulee"),
        ("ＡＢＣ", "abc"),
        ("1,299", "1299"),
        ("pre‐order", "pre-order"),
        ("ware\u200bhouse", "warehouse"),
    ],
)
def test_spellings_of_one_word_meet(one: str, other: str) -> None:
    assert words(one)[0] == words(other)[0]


@pytest.mark.parametrize(("one", "other"), [("earrings", "ear"), ("charger", "charge"), ("bed", "b")])
def test_different_words_stay_apart(one: str, other: str) -> None:
    assert words(one)[0] != words(other)[0]


def test_a_model_number_stays_whole_and_is_followed_by_its_pieces() -> None:
    assert words("XPS-13") == ["xps-13", "xps", "13"]


def test_a_measure_stays_whole() -> None:
    assert words("1.5L") == ["1.5l", "1.5", "l"]


def test_a_full_stop_ends_a_word() -> None:
    assert words("red.green") == ["red", "green"]


@pytest.mark.parametrize("spelling", ["xps 13", "xps13", "XPS-13"])
def test_a_model_number_is_found_however_it_is_spaced(spelling: str) -> None:
    assert {"xps", "13"} <= set(words(spelling))


def test_stop_words_alone_are_kept() -> None:
    assert words("The Who") == ["the", "who"]


def test_chinese_gives_characters_neighbours_and_long_words() -> None:
    assert words("保温杯") == ["保", "温", "杯", "保温", "温杯", "保温杯"]


def test_neighbours_do_not_reach_over_punctuation() -> None:
    assert "货退" not in words("退货,退款")


def test_mixed_text_gives_both_languages_in_order() -> None:
    assert words("X15保温杯 red") == ["x15", "x", "15", "保", "温", "杯", "保温", "温杯", "保温杯", "red"]


@pytest.mark.parametrize("text", ["", " \n\t", "😀🎉", "\x00\x01\x1b", "!?、。", "\ud800"])
def test_a_text_without_letters_has_no_words(text: str) -> None:
    assert words(text) == []


def test_control_characters_and_emoji_only_separate() -> None:
    assert words("red\x00black😀green") == ["red", "black", "green"]


@pytest.mark.parametrize("text", ["保温杯" * 40_000, "a" * 100_000, "a-" * 50_000, "\ufdfa" * 100_000])
def test_a_giant_text_is_read_only_to_its_bound(text: str) -> None:
    assert len(words(text)) <= 3 * 16_384
    assert words(text) == words(text[:16_384])


def test_importing_does_not_open_the_chinese_dictionary() -> None:
    code = "import sys, lm.lexical as l; l.words('red shoes'); assert 'rjieba' not in sys.modules; l.words('保温杯'); assert 'rjieba' in sys.modules"  # noqa: E501 (one line, as -c wants it)
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
