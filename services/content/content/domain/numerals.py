"""Numbers written in words, in both languages."""

from __future__ import annotations

from decimal import Decimal

_SMALL = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
ENGLISH: dict[str, Decimal] = {
    "one": Decimal(1),
    **{word: Decimal(n) for n, word in enumerate(_SMALL.split(), start=2)},
    **{word: Decimal(10 * n) for n, word in enumerate(_TENS.split(), start=2)},
    "dozen": Decimal(12),
    "hundred": Decimal(100),
    "thousand": Decimal(1000),
    "million": Decimal(1_000_000),
}

_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_PLACES = {"十": 10, "百": 100, "千": 1000}
_GROUPS = {"万": 10_000, "亿": 100_000_000}
CHINESE = "".join([*_DIGITS, *_PLACES, *_GROUPS, "半"])

# Numerals that count nothing: removed before numbers are looked for.
IDIOMS = (
    "十分", "一些", "一下", "一起", "一切", "一定", "一样", "一直", "一般", "一边", "一旦", "一致", "一体",
    "一流", "一身", "一向", "一律", "一擦", "一按", "一键", "一次性", "一家人", "一整", "统一", "唯一", "万一",
    "千万别", "千万不", "万千", "三明治", "百搭", "百货", "四季", "四周", "五谷", "五官", "五金", "八角", "七夕",
    "双十一", "三文鱼", "二手", "百合", "万能", "半天", "一半", "另一半", "多半", "千层", "九层", "六边", "四方",
    "三角", "一心一意", "三心二意", "五颜六色", "四面八方", "十全十美",
)  # fmt: skip


def chinese(text: str) -> Decimal | None:
    """`二十四` → 24, `一点五` → 1.5, `二〇二六` → 2026, `三万五千` → 35000; None for what is no number."""
    whole, point, part = text.partition("点")
    if point:
        units, decimals = chinese(whole), [_DIGITS.get(c) for c in part]
        if units is None or not decimals or None in decimals:
            return None
        return units + Decimal("0." + "".join(map(str, decimals)))
    if text and all(c in _DIGITS for c in text):
        return Decimal("".join(str(_DIGITS[c]) for c in text))
    return _by_places(text)


def _by_places(text: str) -> Decimal | None:
    total = group = digit = 0
    if not text or text.startswith(("百", "千", "万", "亿")):
        return None
    for c in text:
        if c in _DIGITS:
            digit = _DIGITS[c]
        elif c in _PLACES:
            group += (digit or 1) * _PLACES[c]
            digit = 0
        elif c in _GROUPS:
            total += (group + digit) * _GROUPS[c]
            group = digit = 0
        else:
            return None
    return Decimal(total + group + digit)
