"""What words say must not be: `without sugar`, `no leather`, `不要塑料`."""

from __future__ import annotations

import re
from collections.abc import Callable

# After `without` comes something unwanted; after `no` perhaps a quality, as in `no-iron shirt`.
_SURE = re.compile(
    r"(?<![a-z])(?:without|excluding|except(?:\s+for)?|free\s+of|free\s+from)\s+(?:any\s+|an?\s+)?"
    r"([a-z]+(?: [a-z]+)?)",
    re.IGNORECASE,
)
_PERHAPS = re.compile(r"(?<![a-z])(?:no|not|non)\s+(?:any\s+|an?\s+)?([a-z]+(?: [a-z]+)?)", re.IGNORECASE)
_CHINESE = re.compile(r"(?:不要|不含|不带|不想要|除了|没有|拒绝)([\u4e00-\u9fff]{1,6})")
_LONGEST = 6
_DENIED = {
    "en": r"(?:\b(?:without|no|non|not|free\s+of|free\s+from|0\s*%)[\s-]+(?:any\s+|added\s+)?)",
    "zh": r"(?:无|不含|不带|没有|非|零|0)",
}


def unwanted(text: str, is_word: Callable[[str], bool]) -> tuple[list[str], str]:
    """Small-letter words for what must not be, and the text without them.

    `is_word`: whether the shop knows a word for some property of products.
    """
    found: list[str] = []

    def sure(match: re.Match[str]) -> str:
        first, both = match[1].split(" ")[0], match[1]
        word = both if is_word(both.lower()) else first
        found.append(word.lower())
        return " " + both[len(word) :]

    def perhaps(match: re.Match[str]) -> str:
        first, both = match[1].split(" ")[0].lower(), match[1].lower()
        return sure(match) if is_word(both) or is_word(first) else match[0]

    def chinese(match: re.Match[str]) -> str:
        run = match[1].partition("的")[0]
        word = next((run[:size] for size in range(min(len(run), _LONGEST), 0, -1) if is_word(run[:size])), run[:2])
        if not word:
            return match[0]
        found.append(word)
        return " " + match[1][len(word) :].removeprefix("的")

    text = _CHINESE.sub(chinese, _PERHAPS.sub(perhaps, _SURE.sub(sure, text)))
    return found, re.sub(r"\s+", " ", text).strip()


def holds(naming: str, word: str) -> bool:
    """Whether words that name a product say it has something: `sugar-free` and `无糖` do not say so of sugar."""
    if word.isascii():
        bare = re.escape(word)
        said = rf"(?<![a-z]){bare}(?:s|es)?(?![a-z])"
        denied = rf"{_DENIED['en']}{bare}|{bare}(?:s|es)?[\s-]free\b"
    else:
        said, denied = re.escape(word), f"{_DENIED['zh']}{re.escape(word)}"
    left = re.sub(denied, " ", naming, flags=re.IGNORECASE)
    return re.search(said, left, re.IGNORECASE) is not None
