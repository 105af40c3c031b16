"""Text → the words it is found by, in both languages."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from lm.lexical.english import STOP, stem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_CHARS = 16_384  # what is read of a text: few product pages are longer, and no text costs more than some 20 ms
MAX_WORD = 64  # characters kept of one unbroken run of letters

_CJK = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f\u3040-\u30ff"  # no spaces: Han, and kana
_RUN = re.compile(rf"([{_CJK}]+)|((?:[^\W_{_CJK}]|(?<=\d)\.(?=\d)|(?<=[^\W_{_CJK}])[-'](?=[^\W_{_CJK}]))+)")
_PIECE = re.compile(r"\d+(?:\.\d+)*|[^\W\d_]+")
_ALIKE = str.maketrans({"’": "'", "ʼ": "'", "‐": "-"})
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")  # would cut words in two unseen
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
LONG = 3  # jieba words from here on; shorter ones are already there as characters 1 + 2


def words(text: str) -> list[str]:
    """The words of a text in its order, repeated as often as they occur; empty for a text without letters and digits.

    Latin script: NFKC, lower case, accents folded, stop words out (unless there is nothing else), light stems. What
    holds a digit stays whole and is followed by its pieces, so that `xps13`, `XPS-13` and `xps 13` meet: `xps-13`,
    `xps`, `13`. Chinese: every character, every two neighbours, every jieba word of three characters or more. Reads
    the first 16,384 characters.
    """
    plain = unicodedata.normalize("NFKC", text[:MAX_CHARS])[:MAX_CHARS].lower().translate(_ALIKE)
    plain = _THOUSANDS.sub("", _UNSEEN.sub("", plain))
    found: list[str] = []
    stopped: list[str] = []
    for run in _RUN.finditer(plain):
        if run[1]:
            found += _chinese(run[1])
        elif run[2] in STOP:
            stopped.append(run[2])
        else:
            found += _latin(run[2][:MAX_WORD])
    return found or stopped


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
