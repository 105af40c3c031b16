"""English words cut to the form in which they are matched."""

from __future__ import annotations

import re
from functools import lru_cache

STOP = frozenset(
    """
    a about am an and any are as at be been being but by can could did do does doing for from had has have having he her
    hers him his how i if in into is it its just may me might mine my of on or our ours shall she should so some such
    than that the their theirs them then there these they this those to too us very was we were what when where which
    while who whom whose why will with would you your yours
    ain't aren't can't couldn't didn't doesn't don't hadn't hasn't haven't i'd i'll i'm i've isn't let's shouldn't
    wasn't weren't won't wouldn't you'd you'll you're you've
    """.split(),  # noqa: SIM905 (ninety quoted words on ninety lines would be worse to read)
)
# Words whose ending is no ending: without them "earring" would be an ear.
WHOLE = frozenset({"earring", "evening", "ceiling", "something", "anything", "nothing", "everything", "during"})

_SIBILANT_ES = re.compile(r"(?:ss|sh|ch|x|zz)es$")
_PLURAL_S = re.compile(r"[^su]s$")  # not glass, not status; "gas" and "bus" are too short to be reached
_VOWEL = re.compile(r"[aeiouy]")
_DOUBLED = re.compile(r"([bdgkmnprt])\1$")
SHORT = 3  # a stem has at least so many letters


@lru_cache(maxsize=65_536)  # a shop's vocabulary; a hit costs 50 ns, a miss about 2 µs
def stem(word: str) -> str:
    """The matching form of a lower-case word: plural, -ing, -ed and a silent last e fall off.

    `shipping`, `shipped`, `ships` → `ship`; `batteries` → `battery`; `shoes`, `shoe` → `sho`. It is a key, not a word.
    Light on purpose: -er, -ment, -ation stay, since a charger is not a charge. Words with digits or with letters
    beyond a to z come back as they are.
    """
    if len(word) <= SHORT or word in WHOLE or not (word.isascii() and word.isalpha()):
        return word
    word = _without_plural(word)
    if word in WHOLE:
        return word
    for ending in ("ing", "ed"):
        trunk = word.removesuffix(ending)
        if trunk != word and len(trunk) >= SHORT and _VOWEL.search(trunk) and not word.endswith("eed"):
            word = _DOUBLED.sub(r"\1", trunk)
            break
    return word[:-1] if word.endswith("e") and len(word) > SHORT else word


def _without_plural(word: str) -> str:
    if word.endswith("ies") and len(word) > SHORT + 1:
        return word[:-3] + "y"
    if _SIBILANT_ES.search(word):
        return word[:-2]
    return word[:-1] if _PLURAL_S.search(word) else word
