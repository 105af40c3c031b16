"""Numbers of a text, with what they are numbers of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from content.domain import numerals
from content.domain.units import CURRENCIES, UNITS, same_currency, unit

_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_AMOUNT = r"\d{1,3}(?:[,，]\d{3})+(?:\.\d+)?|\d+[.,]\d+|\d+"
_WORD = "|".join(sorted(numerals.ENGLISH, key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?P<digits>(?<![A-Za-z0-9.])(?:{_AMOUNT}))"
    rf"|(?P<english>(?<![A-Za-z'-])(?:{_WORD})(?:[ -](?:{_WORD}))*(?![A-Za-z]))"
    rf"|(?P<chinese>[{numerals.CHINESE}](?:[{numerals.CHINESE}点]*[{numerals.CHINESE}])?)",
    re.IGNORECASE,
)


def _either(names: Iterator[str]) -> str:
    """Longest first; a name of letters does not end inside a word."""
    ordered = sorted(names, key=len, reverse=True)
    return "|".join(
        re.escape(name) + ("(?![A-Za-z])" if name[-1].isascii() and name[-1].isalpha() else "") for name in ordered
    )


_IDIOM = re.compile("|".join([*numerals.IDIOMS, f"一点(?![{numerals.CHINESE}])"]))
_UNIT = re.compile(rf"[ \u00a0-]?({_either(iter([*UNITS, 'K']))})", re.IGNORECASE)
_MONEY_AFTER = re.compile(rf"[ \u00a0]?({_either(iter(CURRENCIES))})", re.IGNORECASE)
_MONEY_BEFORE = re.compile(
    rf"(?:^|[^A-Za-z])({'|'.join(re.escape(c) for c in sorted(CURRENCIES, key=len, reverse=True))})[ \u00a0]?$",
    re.IGNORECASE,
)
_NEXT = re.compile(rf"[ \u00a0-]?([A-Za-z]+|[{_HAN}])")
_SHARED_UNIT = re.compile(r"\s*(?:,|、|，|/|–|—|-|~|～|×|x|to|and|or|至|到|和|或)\s*", re.IGNORECASE)
_LINKS = {"to", "and", "or", "x", "for", "in", "of", "at", "is", "with", "on", "by", "from", "a", "the", "now", "only",
          "至", "到", "和", "或", "的", "是", "起", "，"}  # fmt: skip
_ARTICLE = 1  # 一个, 一款: what the number one counts is no claim


@dataclass(frozen=True, slots=True)
class Amount:
    """One number of a text."""

    start: int  # where its words begin and
    end: int  # end in the text
    value: Decimal  # in the first unit of its dimension
    of: str  # dimension, `currency`, or the word that follows; empty when nothing says
    currency: str = ""  # ISO 4217 or a sign
    bare: Decimal | None = None  # the number alone, where its unit is that of a later one: `70, 80 and 100 °C`

    def agrees(self, recorded: Amount) -> bool:
        """Whether a record's amount says the same. A record's bare number may be of anything that has no unit."""
        if self.bare is not None and not recorded.of and self.bare == recorded.value:
            return True
        if self.value != recorded.value:
            return False
        if self.of == "currency":
            return recorded.of == "currency" and same_currency(self.currency, recorded.currency)
        return self.of == recorded.of or (not recorded.of and self.of not in _DIMENSIONS)


_DIMENSIONS = {dimension for dimension, _ in UNITS.values()} | {"discount", "share of ten", "ordinal"}


def amounts(text: str) -> list[Amount]:
    """Every number of a text in its order: digits, words, percentages, money, `两年`, `百分之二十`, `八折`."""
    plain = _without_idioms(text)
    found = [amount for match in _NUMBER.finditer(plain) if (amount := _amount(plain, match)) is not None]
    for place in range(len(found) - 2, -1, -1):  # `70, 80 and 100 °C`: the last one's unit holds for all
        here, after = found[place], found[place + 1]
        between = _SHARED_UNIT.fullmatch(plain[_end_of_number(plain, here) : after.start])
        if not here.of and between and after.of in _DIMENSIONS:
            factor = _factor(plain[after.start : after.end])
            found[place] = replace(here, of=after.of, value=here.value * factor, bare=here.value)
    return found


def _amount(text: str, match: re.Match[str]) -> Amount | None:
    value = _value(match)
    if value is None:
        return None
    start, end = match.span()
    if match["chinese"] and text[:start].endswith("百分之"):
        return Amount(start - 3, end, value, "share")
    if text[:start].endswith("第"):
        return Amount(start - 1, end, value, "ordinal")
    return _money(text, start, end, value) or _measured(text, start, end, value) or _bare(text, match, value)


def _measured(text: str, start: int, end: int, value: Decimal) -> Amount | None:
    measured = _UNIT.match(text, end)
    if measured and (known := unit(measured[1])):
        return Amount(start, measured.end(), value * known[1], known[0])
    if text.startswith(("折", "成"), end):
        return Amount(start, end + 1, value, "discount" if text[end] == "折" else "share of ten")
    return None


def _bare(text: str, match: re.Match[str], value: Decimal) -> Amount | None:
    start, end = match.span()
    if value == _ARTICLE and not match["digits"]:
        return None  # `one of these`, `一个`
    if match["chinese"] and len(match["chinese"]) == 1 and not _counts(text, end):
        return None  # part of a word, such as 百 in 百叶窗
    following = _NEXT.match(text, end)
    word = following[1].casefold() if following else ""
    if not following or word in _LINKS:
        return Amount(start, end, value, "")
    return Amount(start, following.end(), value, word.removesuffix("s"))


def _counts(text: str, end: int) -> bool:
    return text[end : end + 1] in tuple("个件只条款种支杯片档人倍层段把盒包袋瓶双套台本张位口枚颗粒次色合键")


def _money(text: str, start: int, end: int, value: Decimal) -> Amount | None:
    after = _MONEY_AFTER.match(text, end)
    if after:
        return Amount(start, after.end(), value, "currency", CURRENCIES[after[1].casefold()])
    before = _MONEY_BEFORE.search(text, max(0, start - 8), start)
    if before:
        return Amount(before.start(1), end, value, "currency", CURRENCIES[before[1].casefold()])
    return None


def _value(match: re.Match[str]) -> Decimal | None:
    if match["digits"]:
        return Decimal(_decimal(match["digits"]))
    if match["english"]:
        return _english(match["english"])
    return Decimal("0.5") if match["chinese"] == "半" else numerals.chinese(match["chinese"])


def _decimal(digits: str) -> str:
    """`1,299.00` → 1299.00, `1,7` → 1.7."""
    digits = digits.replace("，", ",")
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", digits):
        return digits.replace(",", "")
    return digits.replace(",", ".")


def _english(words: str) -> Decimal:
    total = group = Decimal(0)
    for word in re.split("[ -]", words.casefold()):
        number = numerals.ENGLISH[word]
        if word in {"hundred", "dozen"}:
            group = (group or 1) * number
        elif word in {"thousand", "million"}:
            total, group = total + (group or 1) * number, Decimal(0)
        else:
            group += number
    return total + group


def _without_idioms(text: str) -> str:
    return _IDIOM.sub(lambda match: "\u3000" * len(match[0]), text)


def _end_of_number(text: str, amount: Amount) -> int:
    match = _NUMBER.match(text, amount.start)
    return match.end() if match else amount.end


def _factor(words: str) -> Decimal:
    """By how much the unit at the end of an amount's words multiplies."""
    match = _NUMBER.match(words)
    measured = _UNIT.match(words, match.end()) if match else None
    known = unit(measured[1]) if measured else None
    return known[1] if known else Decimal(1)
