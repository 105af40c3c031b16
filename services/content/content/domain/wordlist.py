"""Lists of words, found in texts of both languages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_NOT = re.compile(
    r"(?:\b(?:not|no|non|never|without|isn't|aren't|neither|nor|avoid)\b|n't)[^.,;:!?—–|·]{0,16}$"
    r"|(?:不(?!锈钢|粘)|非|无(?!线)|勿|别(?!致)|禁)[^\s.,;:!?，。；：！？、｜·]{0,4}$",
    re.IGNORECASE,
)
_NEAR = 24  # characters before a word in which its denial is looked for


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    parts = []
    for word in sorted(set(words), key=len, reverse=True):
        left = r"(?<![A-Za-z0-9])" if word[0].isascii() and word[0].isalnum() else ""
        right = r"(?![A-Za-z0-9])" if word[-1].isascii() and word[-1].isalnum() else ""
        parts.append(left + re.escape(word).replace(r"\ ", r"\s+") + right)
    return re.compile("|".join(parts) or r"(?!)", re.IGNORECASE)


class WordList:
    """Words and expressions, matched without regard to case: Latin ones whole, Chinese ones as they stand."""

    def __init__(self, words: Iterable[str], harmless: Iterable[str] = ()) -> None:
        """`harmless`: longer expressions in which the words do not count."""
        self._words, self._harmless = _pattern(words), _pattern(harmless)

    def within(self, text: str) -> Iterator[re.Match[str]]:
        """The longest word at each place, from left to right."""
        spared = [match.span() for match in self._harmless.finditer(text)]
        for match in self._words.finditer(text):
            if not any(start <= match.start() and match.end() <= end for start, end in spared):
                yield match


def denied(text: str, start: int) -> bool:
    """Whether what stands at `start` is denied just before it: `not dishwasher safe`, `不可机洗`."""
    return _NOT.search(text[max(0, start - _NEAR) : start]) is not None
