"""A shop's words, Chinese → English, written by hand in `shop_zh_en.tsv` beside this file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FILE = "shop_zh_en.tsv"


class LexiconError(ValueError):
    """A line of a lexicon is not `中文<TAB>english words`, or says again what another line has said."""


@cache
def load() -> Mapping[str, str]:
    """The packaged lexicon: Chinese phrase → the plain English words a shopper would use, lower-cased.

    Read once per process (about 5 ms), never changed afterwards. Meant for longest match: whole phrases stand beside
    their parts. Some keys hold Latin letters or digits (`T恤`, `304不锈钢`), the letters in upper case.
    """
    text = files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return MappingProxyType(parse(text.splitlines()))


def parse(lines: Iterable[str]) -> dict[str, str]:
    """Entries of a lexicon file. Empty lines and lines that begin with `#` are skipped; errors name the line."""
    entries: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        chinese, tab, english = line.partition("\t")
        if not tab or not chinese.strip() or not english.strip() or "\t" in english:
            raise LexiconError(f"line {number}: {line!r} is not 中文<TAB>english words")
        if chinese in entries:
            raise LexiconError(f"line {number}: {chinese!r} is already translated as {entries[chinese]!r}; keep one")
        entries[chinese] = english
    return entries
