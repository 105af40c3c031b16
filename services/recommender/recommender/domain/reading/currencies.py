"""What shoppers call a currency, and which one of the shop they mean."""

from __future__ import annotations

from collections.abc import Sequence

_DOLLARS = ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN")
_YUAN = ("CNY", "TWD", "HKD", "")  # 元 is said of euros and dollars too: the shop's own
_NAMED: dict[str, tuple[str, ...]] = {
    "€": ("EUR",), "euro": ("EUR",), "euros": ("EUR",), "欧元": ("EUR",), "欧": ("EUR",),
    "$": _DOLLARS, "us$": ("USD",), "dollar": _DOLLARS, "dollars": _DOLLARS, "bucks": _DOLLARS,
    "美元": ("USD",), "美金": ("USD",), "刀": _DOLLARS,
    "£": ("GBP",), "pound": ("GBP",), "pounds": ("GBP",), "quid": ("GBP",), "英镑": ("GBP",),
    "¥": ("CNY", "JPY"), "rmb": ("CNY",), "yuan": ("CNY",), "人民币": ("CNY",), "元": _YUAN, "块": _YUAN, "块钱": _YUAN,
    "yen": ("JPY",), "日元": ("JPY",), "港币": ("HKD",), "港元": ("HKD",), "新台币": ("TWD",), "台币": ("TWD",),
    "₹": ("INR",), "rupees": ("INR",), "₩": ("KRW",), "won": ("KRW",), "韩元": ("KRW",), "zł": ("PLN",),
    "kr": ("SEK", "NOK", "DKK"), "francs": ("CHF",), "卢布": ("RUB",), "₽": ("RUB",),
}  # fmt: skip
_CODES = (
    "EUR", "USD", "GBP", "CNY", "JPY", "CHF", "CAD", "AUD", "NZD", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "HKD",
    "TWD", "SGD", "KRW", "INR", "BRL", "MXN", "TRY", "ZAR", "RUB", "AED", "SAR", "THB", "MYR", "IDR", "PHP", "VND",
    "ILS",
)  # fmt: skip
_NAMED |= {code.lower(): (code,) for code in _CODES}
_WEIGHTS = frozenset({"pound", "pounds"})  # where nothing is sold for them
BEFORE_SIGN = "[€$£¥₹₩₽]"
BEFORE = rf"(?:us\$|{BEFORE_SIGN}|(?:eur|usd|gbp|cny|rmb|jpy|chf|cad|aud|inr)(?![a-z]))"
_HAN = tuple(name for name in sorted(_NAMED, key=len, reverse=True) if "\u4e00" <= name[0] <= "\u9fff")
AFTER = (
    rf"(?:[€$£¥₹₩₽]|{'|'.join(_HAN)}|(?:"
    + "|".join(sorted((name for name in _NAMED if name.isascii() and name.isalpha()), key=len, reverse=True))
    + r"|zł)(?![a-z]))"
)


def meant(name: str, sold_in: Sequence[str]) -> str | None:
    """The ISO 4217 code of what was typed; `sold_in`: those of the shop, most used first.

    Nothing typed means the shop's own. None: it is no money, such as pounds where nothing is sold for them.
    """
    own = sold_in[0] if sold_in else ""
    if not name:
        return own
    name = name.lower()
    if name in _WEIGHTS and "GBP" not in sold_in:
        return None
    candidates = _NAMED[name]
    chosen = next((code for code in sold_in if code in candidates), candidates[0])
    return own if "" in candidates and chosen not in sold_in and own else chosen
