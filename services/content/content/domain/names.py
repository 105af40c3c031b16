"""Names in a text: of products, of brands, of whatever else is written like one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from content.domain.languages import primary

_WORD = re.compile(r"[A-Za-z\u00c0-\u024f][A-Za-z0-9\u00c0-\u024f]*(?:[-'’&.][A-Za-z0-9\u00c0-\u024f]+)*")
_SENTENCE_END = re.compile(r"(?:^|[.!?:;…。！？：；\n—–|\-\"“”'‘’(•·]|[^\x00-\uffff])\s*$")
_QUOTED = re.compile(r"[《「『“\"]([^》」』”\"]{1,40})[》」』”\"]")
_BRAND = re.compile(r"([\u4e00-\u9fffA-Za-z0-9]{2,6})(?:牌|品牌)")
_PLAIN = {"i", "i'm", "i've", "i'll", "ok", "a", "tv", "pc", "led", "diy", "t", "id", "sms", "hi", "hello", "p.s", "vs",
          "am", "pm", "app"}  # fmt: skip
_ALL_NOUNS = {"de", "lb"}  # write every noun with a capital
_SHORTEST_KNOWN = 2  # characters of a name that is looked for in texts


def names(text: str, language: str, known: Collection[str] = ()) -> Iterator[tuple[int, str]]:
    """(start, words) of everything in a text that reads as a name.

    That is: names of others that are `known`; in Chinese, Latin words, what is quoted and what stands before 牌; in
    other languages, words with a digit, with a capital after a small letter, or with a capital inside a sentence. The
    first word of a sentence only counts when it is known: everyone writes it with a capital.
    """
    yield from _known(text, known)
    if primary(language) == "zh":
        yield from ((m.start(), m[0]) for m in _WORD.finditer(text) if m[0].casefold() not in _PLAIN)
        yield from ((m.start(1), m[1]) for m in _QUOTED.finditer(text))
        yield from ((m.start(1), m[1]) for m in _BRAND.finditer(text))
        return
    for match in _WORD.finditer(text):
        word = match[0]
        odd = any(c.isdigit() for c in word) or re.search("[a-z][A-Z]", word) is not None
        first = _SENTENCE_END.search(text[: match.start()]) is not None
        capital = word[0].isupper() and not first and primary(language) not in _ALL_NOUNS
        if word.casefold() not in _PLAIN and (odd or capital):
            yield match.start(), word


def _known(text: str, known: Collection[str]) -> Iterator[tuple[int, str]]:
    folded = text.casefold()
    for name in known:
        if len(name) < _SHORTEST_KNOWN or name.casefold() not in folded:
            continue
        edge = r"(?![A-Za-z0-9])" if name[-1].isascii() else ""
        left = r"(?<![A-Za-z0-9])" if name[0].isascii() else ""
        match = re.search(left + re.escape(name) + edge, text, re.IGNORECASE)
        if match:
            yield match.start(), match[0]
