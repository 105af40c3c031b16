"""Quantities with a unit, made comparable: `1.5 l` is `1500ml`, `500毫升` is 500 ml, `M码` is size m."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from recommender.domain.reading.amounts import number


class Quantity(NamedTuple):
    """How much of what."""

    kind: str  # such as `ml`, the unit all of its kind are turned into; or `size`
    amount: str  # a decimal number without needless zeros, or a name of a size


class Said(NamedTuple):
    """A quantity where it stands in words."""

    quantity: Quantity
    at: slice  # all of it, such as `size 42`
    number: slice  # its number or letters

    def like(self, text: str, number: str) -> Quantity | None:
        """So many of the same, in the unit that is typed here; None: that is no quantity."""
        again = said(text[self.at.start : self.number.start] + number + text[self.number.stop : self.at.stop])
        return next((each.quantity for each in again if each.quantity.kind == self.quantity.kind), None)


_UNITS: dict[str, tuple[str, Decimal]] = {
    name: (kind, Decimal(factor))
    for kind, factor, names in (
        ("ml", "1000", "l litre litres liter liters 升"), ("ml", "10", "cl"), ("ml", "100", "dl"),
        ("ml", "1", "ml millilitre millilitres milliliter milliliters 毫升"),
        ("g", "1000", "kg kilo kilos kilogram kilograms 公斤 千克"), ("g", "500", "斤"),
        ("g", "1", "g gram grams 克"), ("g", "453.592", "lb lbs"), ("g", "28.3495", "oz ounce ounces"),
        ("mm", "1000", "m metre metres meter meters 米"), ("mm", "10", "cm 厘米 公分"), ("mm", "1", "mm 毫米"),
        ("mm", "25.4", "inch inches 英寸 寸"), ("mm", "304.8", "ft feet foot"),
        ("w", "1", "w watt watts 瓦"), ("w", "1000", "kw kilowatt kilowatts 千瓦"), ("v", "1", "v volt volts 伏"),
        ("mah", "1", "mah 毫安时 毫安"), ("gb", "1", "gb"), ("gb", "1000", "tb"), ("gb", "0.001", "mb"),
        ("lm", "1", "lm lumen lumens 流明"), ("k", "1", "kelvin"), ("db", "1", "db 分贝"),
        ("min", "1", "min minutes minute 分钟"), ("min", "60", "h hour hours 小时"),
        ("persons", "1", "person persons people 人"), ("pieces", "1", "piece pieces pcs 件 片"),
    )
    for name in names.split()
}  # fmt: skip
# What else may follow a number that is no price.
_COUNTED = (
    *"岁个月年天日号码支只包层格种度位双条本瓶盒", "个月",
    "%", "percent", "years", "year", "months", "month", "weeks", "days", "degrees", "°c", "°f", "hz", "khz",
    "mhz", "ghz", "mp", "fps", "rpm", "psi", "km", "miles", "mi", "kcal", "calories", "stars", "players", "mg",
    "denier", "dpi", "pages", "pockets",
)  # fmt: skip
NUMBER = r"\d+(?:[.,]\d+)?"
_UNIT = "|".join(re.escape(name) for name in sorted(_UNITS, key=len, reverse=True))
_QUANTITY = re.compile(rf"(?<![a-z0-9_.,])({NUMBER})[\s-]?({_UNIT})(?![a-z0-9]|/[a-z])")  # 7 l/min is no 7 l
_COUNT = "|".join(re.escape(name) for name in sorted({*_UNITS, *_COUNTED}, key=len, reverse=True))
COUNTED = re.compile(rf"[\s-]?(?:{_COUNT})(?![a-z])|[\"”'′″]")  # right behind a number: it is not one of money
_LETTERS = "xxs|xs|s|m|l|xl|xxl|xxxl|2xl|3xl|4xl|5xl"
_SIZE = re.compile(
    rf"(?<![a-z])(?:size|eu|us|uk)\s+({_LETTERS}|{NUMBER})(?![\w.])"
    rf"|(?:尺码|码数|鞋码)\s*({_LETTERS}|{NUMBER})(?![\w.])|(?<![a-z0-9_.])({_LETTERS}|{NUMBER})\s?[码号]"
)
_SIZES = frozenset({"size", "sizes", "shoe size", "shoe_size", "clothing size", "尺码", "尺寸", "鞋码", "码数"})
_PARTS = re.compile(r"[,;、，]\s*|/(?![a-z])\s*|\s+(?=\d)")


def said(text: str) -> list[Said]:
    """The quantities that small-letter words speak of in their order, and then the sizes in theirs."""
    found = [Said(_quantity(*m.groups()), slice(*m.span()), slice(*m.span(1))) for m in _QUANTITY.finditer(text)]
    for match in _SIZE.finditer(text):
        number = slice(*match.span(match.lastindex or 0))
        found.append(Said(Quantity("size", _plain(text[number])), slice(*match.span()), number))
    return found


def asked(text: str) -> list[Quantity]:
    """The quantities and sizes alone."""
    return [each.quantity for each in said(text)]


def stated(name: str, value: str) -> Iterator[Quantity]:
    """What an attribute states, in small letters: each part of `1.6 l, 1.0 l`, each size of `40, 41, 42`."""
    for part in _PARTS.split(value.replace("/", ",") if name in _SIZES else value):
        match = _QUANTITY.fullmatch(part.strip())
        if match:
            yield _quantity(*match.groups())
        elif name in _SIZES and re.fullmatch(rf"(?:(?:eu|us|uk) )?(?:{_LETTERS}|{NUMBER})[码号]?", part.strip()):
            yield Quantity("size", _plain(part.strip().rpartition(" ")[2].rstrip("码号")))
        elif name in _UNITS and re.fullmatch(NUMBER, part.strip()):  # persons: 4
            yield _quantity(part.strip(), name)


def _quantity(digits: str, unit: str) -> Quantity:
    kind, factor = _UNITS[unit]
    return Quantity(kind, _plain(str(number(digits) * factor)))


def _plain(amount: str) -> str:
    """`1500.0` and `1500` alike."""
    return f"{Decimal(amount).normalize():f}" if amount[0].isdigit() and not amount[-1].isalpha() else amount
