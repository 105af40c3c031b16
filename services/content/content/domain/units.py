"""Units of what products are measured in, in both languages."""

from __future__ import annotations

from decimal import Decimal

# dimension → name → how many of the dimension's first unit it is
_NAMES: dict[str, dict[str, str]] = {
    "volume": {"ml millilitre millilitres milliliter milliliters 毫升": "1", "cl": "10",
               "l litre litres liter liters 升": "1000"},
    "mass": {"g gram grams gramme grammes 克": "1", "kg kilo kilos kilogram kilograms 千克 公斤": "1000", "斤": "500",
             "oz ounce ounces 盎司": "28.35", "lb lbs pound pounds 磅": "453.6"},
    "length": {"mm millimetre millimetres millimeter millimeters 毫米": "1",
               "cm centimetre centimetres centimeter centimeters 厘米 公分": "10",
               "m metre metres meter meters 米": "1000", "km kilometre kilometres 公里 千米": "1000000",
               "in inch inches 英寸 寸": "25.4", "ft foot feet 英尺": "304.8"},
    "time": {"s sec second seconds 秒 秒钟": "1", "min mins minute minutes 分钟": "60",
             "h hr hrs hour hours 小时": "3600", "day days 天": "86400", "week weeks 周 星期": "604800"},
    "calendar": {"month months 个月 月": "1", "year years yr yrs 年": "12"},
    "power": {"w watt watts 瓦 瓦特": "1", "kw kilowatt kilowatts 千瓦": "1000"},
    "voltage": {"v volt volts 伏 伏特": "1"},
    "charge": {"mah 毫安时": "1", "ah 安时": "1000"},
    "light": {"lm lumen lumens 流明": "1"},
    "sound": {"db decibel decibels 分贝": "1"},
    "frequency": {"hz hertz 赫兹": "1", "khz": "1000"},
    "temperature": {"°c ℃ celsius 摄氏度": "1"},
    "color temperature": {"kelvin 开尔文": "1"},
    "memory": {"mb": "1", "gb": "1024", "tb": "1048576"},
    "share": {"% ％ percent 百分点": "1"},
}  # fmt: skip
_CASED = {"K": ("color temperature", Decimal(1))}  # a small k is a thousand

UNITS: dict[str, tuple[str, Decimal]] = {
    name: (dimension, Decimal(factor))
    for dimension, names in _NAMES.items()
    for many, factor in names.items()
    for name in many.split()
}

CURRENCIES: dict[str, str] = {
    "€": "EUR", "eur": "EUR", "euro": "EUR", "euros": "EUR", "欧元": "EUR",
    "£": "GBP", "gbp": "GBP", "英镑": "GBP",
    "us$": "USD", "usd": "USD", "美元": "USD", "美金": "USD",
    "$": "$", "dollar": "$", "dollars": "$",
    "¥": "¥", "￥": "¥", "jpy": "JPY", "日元": "JPY", "yen": "JPY",
    "cny": "CNY", "rmb": "CNY", "yuan": "CNY", "元": "CNY", "块": "CNY", "块钱": "CNY", "人民币": "CNY",
    "chf": "CHF", "cad": "CAD", "aud": "AUD", "hkd": "HKD", "港币": "HKD", "港元": "HKD",
}  # fmt: skip
_SHARED = {"$": {"$", "USD", "CAD", "AUD", "HKD"}, "¥": {"¥", "CNY", "JPY"}}  # one sign, several currencies


def unit(name: str) -> tuple[str, Decimal] | None:
    """(dimension, factor) of a unit's name as it stands in a text; None: it is none we know."""
    return _CASED.get(name) or UNITS.get(name.casefold())


def same_currency(stated: str, recorded: str) -> bool:
    """Whether a sign or a code of a text can mean the currency (ISO 4217) of a price."""
    return stated == recorded or recorded in _SHARED.get(stated, ())
