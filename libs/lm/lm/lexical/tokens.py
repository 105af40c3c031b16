"""Text → the words it is found by, in both languages."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from lm.lexical.english import STOP, stem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_CHARS = 16_384  # what is read of a text: few product pages are longer, and no text costs more than some 20 ms
MAX_WORD = 64  # characters kept of one unbroken run of letters

_CJK = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f\u3040-\u30ff"  # no spaces: Han, and kana
_LETTER = rf"[^\W_{_CJK}]"
_RUN = re.compile(rf"([{_CJK}]+)|({_LETTER}+(?:(?:(?<=\d)\.(?=\d)|[-'](?={_LETTER})){_LETTER}+)*)")
_PIECE = re.compile(r"\d+(?:\.\d+)*|[^\W\d_]+")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")  # would cut words in two unseen
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_PHRASE = 8  # characters up to which a run of Chinese is likely to be met again
LONG = 3  # jieba words from here on; shorter ones are already there as characters 1 + 2


def words(text: str) -> list[str]:
    """The words of a text in its order, repeated as often as they occur; empty for a text without letters and digits.

    Latin script: NFKC, lower case, accents folded, stop words out (unless there is nothing else), light stems. What
    holds a digit stays whole and is followed by its pieces, so that `xps13`, `XPS-13` and `xps 13` meet: `xps-13`,
    `xps`, `13`. Chinese: every character, every two neighbours, every jieba word of three characters or more. Reads
    the first 16,384 characters.
    """
    plain = unicodedata.normalize("NFKC", text[:MAX_CHARS])[:MAX_CHARS].lower()
    plain = plain.replace("’", "'").replace("ʼ", "'").replace("‐", "-")
    plain = _THOUSANDS.sub("", _UNSEEN.sub("", plain))
    found: list[str] = []
    stopped: list[str] = []
    for chinese, latin in _RUN.findall(plain):
        if chinese:
            found += _phrase(chinese) if len(chinese) <= _PHRASE else _chinese(chinese)
        elif latin in STOP:
            stopped.append(latin)
        else:
            found += _word(latin[:MAX_WORD])
    return found or stopped


@lru_cache(maxsize=32_768)  # a shop's products say the same words again and again: 60 ns instead of some µs
def _word(run: str) -> tuple[str, ...]:
    return tuple(_latin(run))


@lru_cache(maxsize=8_192)  # likewise, of the names of colours and categories; 2 KB each at most
def _phrase(run: str) -> tuple[str, ...]:
    return tuple(_chinese(run))


def _latin(run: str) -> Iterator[str]:
    run = _without_accents(run.removesuffix("'s")).replace("'", "")
    if run.isalpha():
        yield stem(run)
        return
    pieces = _PIECE.findall(run)
    if any(piece[0].isdigit() for piece in pieces):
        yield run
        if len(pieces) > 1:
            yield from pieces
        return
    yield stem(run.replace("-", ""))  # t-shirt is found as tshirt, and as shirt
    yield from (stem(piece) for piece in pieces if len(piece) > 1 and piece not in STOP)


def _without_accents(word: str) -> str:
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))


def _chinese(run: str) -> Iterator[str]:
    yield from run
    yield from (a + b for a, b in pairwise(run))
    if len(run) >= LONG:
        yield from (word for word in _jieba()(run) if len(word) >= LONG)


@cache
def _jieba() -> Callable[[str], list[str]]:
    """The cut of jieba. Its dictionary costs 80 ms and 33 MB, so it waits for the first Chinese text.

    Safe from several threads. What its words add to the characters is within the noise of benchmarks/lexical.py.
    """
    import rjieba  # noqa: PLC0415 (the reason is above)

    cut: Callable[[str], list[str]] = rjieba.cut
    return cut
