"""How a query is put: as the name of a thing, or as a sentence about a need."""

from __future__ import annotations

import re

from lm.lexical.english import STOP

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_JOINING = STOP | {"something", "anything", "someone", "need", "want", "looking", "who", "likes", "like"}


def joining(text: str) -> float:
    """The share of the English words that name nothing themselves, in [0, 1].

    `steel kettle` → 0, `something to carry my laptop to work` → .57. Chinese writes no spaces between words: 0.
    """
    words = [word.lower() for word in _WORD.findall(text) if word.isascii()]
    return sum(word in _JOINING for word in words) / len(words) if words else 0.0
