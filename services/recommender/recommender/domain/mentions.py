"""Which products a text names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_SENTENCES = re.compile(r"(?<=[.!?。！？;；\n])\s*")
_WORD = re.compile(r"\w")
_SHORTEST = 2  # characters of a name that can be found in a text at all


class Mention(NamedTuple):
    """A product a text speaks of."""

    place: int
    by: str  # `name` or `meaning`
    similarity: float  # in [0, 1]
    words: str  # of the text


def sentences(text: str) -> list[str]:
    """The parts of a text that say one thing each."""
    return [part.strip() for part in _SENTENCES.split(text) if _WORD.search(part)]


def by_name(text: str, names: Mapping[int, Sequence[str]]) -> list[Mention]:
    """Products whose whole name stands in the text; the longer name wins where two overlap."""
    folded = text.casefold()
    free = [True] * len(folded)
    found: list[Mention] = []
    candidates = sorted(
        ((name.strip().casefold(), place) for place, given in names.items() for name in given), key=lambda c: -len(c[0])
    )
    for name, place in candidates:
        start = folded.find(name) if len(name) >= _SHORTEST else -1
        if start < 0 or not all(free[start : start + len(name)]) or any(m.place == place for m in found):
            continue
        free[start : start + len(name)] = [False] * len(name)
        words = text[start : start + len(name)] if len(folded) == len(text) else name
        found.append(Mention(place, "name", 1.0, words))
    return found
