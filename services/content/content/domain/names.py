"""Names in a text: of products, of brands, of whatever else is written like one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache

from content.domain.languages import primary

_WORD = re.compile(r"[A-Za-z\u00c0-\u024f][A-Za-z0-9\u00c0-\u024f]*(?:[-'’&.][A-Za-z0-9\u00c0-\u024f]+)*")
_SENTENCE_END = re.compile(r"(?:^|[.!?:;…。！？：；\n—–|\-\"“”'‘’(•·]|[^\x00-\uffff])\s*$")
_QUOTED = re.compile(r"[《「『“\"]([^》」』”\"]{1,40})[》」』”\"]")
_CAMEL = re.compile("[a-z][A-Z]")
_BRAND = re.compile(r"([\u4e00-\u9fffA-Za-z0-9]{2,6})(?:牌|品牌)")
_PLAIN = {"i", "i'm", "i've", "i'll", "ok", "a", "tv", "pc", "led", "diy", "t", "id", "sms", "hi", "hello", "p.s", "vs",
          "am", "pm", "app"}  # fmt: skip
_ALL_NOUNS = {"de", "lb"}  # write every noun with a capital
_SHORTEST_KNOWN = 2  # characters of a name that is looked for in texts, and by which it is found


class Names:
    """Names that texts are searched for, kept by how they begin: so a text costs the same beside thousands of them."""

    def __init__(self, names: Iterable[str] = (), most: int = 4_000) -> None:
        """`most`: how many are kept, the latest ones."""
        self._most = most
        self._folded: dict[str, str] = {}  # name → itself without regard to case, oldest first
        self._by_start: defaultdict[str, dict[str, str]] = defaultdict(dict)  # the same by its first characters
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """A name that is too short to be told from other words is passed over."""
        if len(name) < _SHORTEST_KNOWN or name in self._folded:
            return
        folded = name.casefold()
        self._folded[name] = self._by_start[folded[:_SHORTEST_KNOWN]][name] = folded
        if len(self._folded) > self._most:
            self._forget(next(iter(self._folded)))

    def within(self, text: str) -> Iterator[tuple[int, str]]:
        """(start, words) of the first place of each name that stands in a text as a whole."""
        folded, starts = _folded(text)
        for start in self._by_start.keys() & starts:
            for name, wanted in self._by_start.get(start, {}).items():
                if wanted in folded and (match := _whole(name).search(text)):
                    yield match.start(), match[0]

    def _forget(self, name: str) -> None:
        start = self._folded.pop(name)[:_SHORTEST_KNOWN]
        del self._by_start[start][name]
        if not self._by_start[start]:
            del self._by_start[start]


def named(text: str, language: str) -> Iterator[tuple[int, str]]:
    """(start, words) of everything in a text that reads as a name.

    That is, in Chinese, Latin words, what is quoted and what stands before 牌; in other languages, words with a digit,
    with a capital after a small letter, or with a capital inside a sentence. The first word of a sentence does not
    count: everyone writes it with a capital.
    """
    if primary(language) == "zh":
        yield from ((m.start(), m[0]) for m in _WORD.finditer(text) if m[0].casefold() not in _PLAIN)
        yield from ((m.start(1), m[1]) for m in _QUOTED.finditer(text))
        yield from ((m.start(1), m[1]) for m in _BRAND.finditer(text))
        return
    for match in _WORD.finditer(text):
        word = match[0]
        odd = any(c.isdigit() for c in word) or _CAMEL.search(word) is not None
        first = _SENTENCE_END.search(text[: match.start()]) is not None
        capital = word[0].isupper() and not first and primary(language) not in _ALL_NOUNS
        if word.casefold() not in _PLAIN and (odd or capital):
            yield match.start(), word


@lru_cache(maxsize=4_096)  # texts: the same ones are searched for the names of the shop and of each person
def _folded(text: str) -> tuple[str, frozenset[str]]:
    """A text without regard to case, and all of its neighbouring characters."""
    folded = text.casefold()
    return folded, frozenset(folded[at : at + _SHORTEST_KNOWN] for at in range(len(folded) - 1))


def _whole(name: str) -> re.Pattern[str]:
    edge = r"(?![A-Za-z0-9])" if name[-1].isascii() else ""
    left = r"(?<![A-Za-z0-9])" if name[0].isascii() else ""
    return re.compile(left + re.escape(name) + edge, re.IGNORECASE)
