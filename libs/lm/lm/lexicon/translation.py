"""Words of one language in the other, by the shop lexicon: so that titles in Chinese are found by English words."""

from __future__ import annotations

import re
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from lm import lexicon
from lm.lexical.english import STOP, stem
from lm.static.words import Splitter, fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WORD = re.compile("[0-9a-z]+")
_LONGEST = 4  # English words of one entry that are looked for together


class Translation(NamedTuple):
    """A phrase and what it may be called in the other language, none of it surer than the rest."""

    source: str
    alternatives: tuple[str, ...]


def translations(text: str) -> list[Translation]:
    """Every phrase of a text that the lexicon knows, longest match first, in their order; at most that of each place.

    English → all Chinese entries that say exactly this, by their stems; Chinese → the English words of the entry.
    """
    folded = fold(text)
    found: list[Translation] = []
    for chinese, run in groupby(_splitter()(folded), key=lambda piece: piece[0] >= "\u3400" or piece in _chinese()):
        if chinese:
            found += [Translation(entry, (_chinese()[entry],)) for entry in run if entry in _chinese()]
        else:
            found += _english([word for word in run if word not in STOP])
    return found


def _english(words: Sequence[str]) -> list[Translation]:
    found: list[Translation] = []
    at = 0
    while at < len(words):
        for size in range(min(_LONGEST, len(words) - at), 0, -1):
            run = words[at : at + size]
            alternatives = _reversed().get(tuple(map(stem, run)))
            if alternatives:
                found.append(Translation(" ".join(run), alternatives))
                at += size - 1
                break
        at += 1
    return found


@cache
def _chinese() -> Mapping[str, str]:
    return {fold(chinese): english for chinese, english in lexicon.load().items()}


@cache
def _splitter() -> Splitter:
    return Splitter(_chinese())


@cache
def _reversed() -> Mapping[tuple[str, ...], tuple[str, ...]]:
    """Stems of the English words, without those that only join → Chinese entries."""
    entries: dict[tuple[str, ...], list[str]] = {}
    for chinese, english in lexicon.load().items():
        words = tuple(stem(word) for word in _WORD.findall(fold(english)) if word not in STOP)
        if words:
            entries.setdefault(words, []).append(chinese)
    return {words: tuple(chinese) for words, chinese in entries.items()}
