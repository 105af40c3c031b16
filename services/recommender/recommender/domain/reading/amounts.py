"""Numbers as shoppers type them: digits, thousands, Chinese numerals, English words."""

from __future__ import annotations

import re
from decimal import Decimal

# Repetitions are bounded, so that a text of a thousand numerals costs what any other does.
_DIGITS = (
    r"\d{1,3}(?:,\d{3}){1,3}(?:\.\d{1,4})?|\d{1,3}(?:\.\d{3}){1,3},\d{1,2}|\d{1,3}(?:\.\d{3}){2,3}"
    r"|\d{1,12}(?:[.,]\d{1,4})?"
)
_HAN = "零〇一二两三四五六七八九十百千万"
_ONES = {word: number for number, word in enumerate(
    ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
     "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"), start=1)
}  # fmt: skip
_TENS = {word: 10 * number for number, word in enumerate(
    ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), start=2)
}  # fmt: skip
_SCALES = {"hundred": 100, "thousand": 1000}
_WORD = "|".join([*_TENS, *sorted(_ONES, key=len, reverse=True)])
_WORDS = rf"(?:(?:a|{_WORD})(?:[ -](?:{_WORD}|hundred|thousand|and(?= (?:{_WORD})\b))){{0,6}})\b"
# What an amount looks like; `a hundred` counts, `a` alone does not.
AMOUNT = (
    rf"(?:(?:{_DIGITS})\s?[kK](?![\w])|(?:{_DIGITS})\s?[百千万]?|[{_HAN}]{{1,9}}"
    rf"|(?!a\b(?! (?:hundred|thousand))){_WORDS})"
)
_TEN = {"十": 10, "百": 100, "千": 1000}
_FIGURES = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_TIMES = {"k": 1000, "百": 100, "千": 1000, "万": 10_000}

SOME = re.compile(rf"\d+|[{_HAN}]+|\b(?:{_WORD}|hundred|thousand)\b", re.IGNORECASE)  # no amount without one of these


def number(text: str, *, grouped: bool = False) -> Decimal:
    """The value of what AMOUNT matches.

    A comma before one or two last digits is a decimal one, as in `49,90`; before three it separates thousands, as a dot
    does where more groups or a comma follow, `1.299,00`, or when `grouped`: `1.299 €`.
    """
    text = text.strip().lower()
    if text[0] in _HAN:
        return Decimal(_chinese(text))
    if not text[0].isdigit():
        return Decimal(_english(text))
    times = _TIMES.get(text[-1], 1)
    digits = text.rstrip("".join(_TIMES)).strip()
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits):
        digits = digits.replace(",", "")
    elif re.fullmatch(
        rf"\d{{1,3}}(?:\.\d{{3}})+,\d{{1,2}}|[1-9]\d{{0,2}}(?:\.\d{{3}}){{{1 if grouped else 2},}}", digits
    ):
        digits = digits.replace(".", "").replace(",", ".")
    return Decimal(digits.replace(",", ".")) * times


def _chinese(text: str) -> int:
    """`两百五十` → 250, `一千二` → 1200, `百` → 100, `二〇` → 20."""
    high, _, low = text.rpartition("万")
    if "万" in text:
        rest = _chinese(low) if low else 0
        if len(low) == 1 and low in _FIGURES:
            rest *= 1000  # 一万二
        return (_chinese(high) if high else 1) * 10_000 + rest
    if not any(letter in _TEN for letter in text):
        return int("".join(str(_FIGURES[letter]) for letter in text))
    total, figure, last = 0, 0, 1
    for letter in text:
        if letter in _TEN:
            last = _TEN[letter]
            total += (figure or 1) * last
            figure = 0
        else:
            figure = _FIGURES[letter]
            last = 10 if letter in "零〇" else last
    return total + figure * (last // 10 if last > 1 else 1)


def _english(text: str) -> int:
    """`two hundred and fifty` → 250."""
    total, part = 0, 0
    for word in re.split(r"[ -]", text):
        if word == "thousand":
            total, part = total + max(part, 1) * _SCALES[word], 0
        elif word == "hundred":
            part = max(part, 1) * _SCALES[word]
        else:
            part += _ONES.get(word, 0) + _TENS.get(word, 0)
    return total + part
