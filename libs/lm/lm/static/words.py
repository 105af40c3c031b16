"""Text → the surfaces a static table can know: Latin words in lower case, and entries of a Chinese lexicon."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LONGEST_TEXT = 8_192  # characters that are read; a bag of words is settled long before, and work stays bounded
_LATIN = r"[0-9a-z\u00df-\u00f6\u00f8-\u024f]+"
_HAN = r"[\u3400-\u4dbf\u4e00-\u9fff]+"
_WORD = re.compile(_LATIN)
_INVISIBLE = re.compile(
    "[\u00ad\u0300-\u036f\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff]+"
)  # accents, joiners, soft hyphens


def fold(text: str) -> str:
    """Lower case, full width to half width, without accents and invisible characters; at most LONGEST_TEXT of it."""
    text = text[:LONGEST_TEXT].lower()
    if text.isascii():
        return text
    return _INVISIBLE.sub("", unicodedata.normalize("NFKD", text))[:LONGEST_TEXT]


def latin_words(folded: str) -> list[str]:
    return _WORD.findall(folded)


class Splitter:
    """Folded text → its Latin words and, longest match first, its lexicon entries, in the order of the text."""

    def __init__(self, entries: Iterable[str]) -> None:
        """`entries`: what is to be matched as one; Chinese (连衣裙) or mixed (t恤). Pure Latin ones are ignored."""
        self._lengths: Mapping[str, tuple[int, ...]] = _lengths_by_first(
            filter(_is_han, entries := list(map(fold, entries)))
        )
        self._entries = frozenset(entries)
        mixed = sorted((e for e in entries if not _is_han(e) and re.search(_HAN, e)), key=len, reverse=True)
        self._run = re.compile("|".join([*map(re.escape, mixed), _HAN, _LATIN]))

    def __call__(self, folded: str) -> list[str]:
        if folded.isascii():
            return _WORD.findall(folded)
        surfaces: list[str] = []
        for run in self._run.findall(folded):
            if run[0] < "\u3400" or run in self._entries:
                surfaces.append(run)
            else:
                surfaces += self._longest_matches(run)
        return surfaces

    def _longest_matches(self, run: str) -> list[str]:
        found, at = [], 0
        while at < len(run):
            for length in self._lengths.get(run[at], ()):
                if run[at : at + length] in self._entries:
                    found.append(run[at : at + length])
                    at += length
                    break
            else:
                at += 1  # a character no entry begins with says nothing
        return found


def _is_han(entry: str) -> bool:
    return re.fullmatch(_HAN, entry) is not None


def _lengths_by_first(entries: Iterable[str]) -> dict[str, tuple[int, ...]]:
    lengths: dict[str, set[int]] = {}
    for entry in entries:
        lengths.setdefault(entry[0], set()).add(len(entry))
    return {first: tuple(sorted(found, reverse=True)) for first, found in lengths.items()}
