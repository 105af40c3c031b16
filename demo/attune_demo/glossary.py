"""Attribute values in two languages: written once in English, translated by a word list and by units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from attune_demo.source import bilingual, table

if TYPE_CHECKING:
    from collections.abc import Mapping

_QUANTITY = re.compile(r"(?P<numbers>[\d.]+(?:(?: × | to |, )[\d.]+)*)(?: (?P<unit>[A-Za-z°]+))?")


@dataclass(frozen=True)
class Glossary:
    words: Mapping[str, str]  # English value → Chinese value
    units: Mapping[str, str]  # `ml` → `毫升`
    paints: Mapping[str, str]  # English name of a colour → `#rrggbb`

    @classmethod
    def load(cls) -> Self:
        source = table("glossary.toml")
        colors = source["colors"]
        words = source["words"] | {name: chinese for name, (chinese, _) in colors.items()}
        return cls(words, source["units"], {name: paint for name, (_, paint) in colors.items()})

    def value(self, written: str | list[str]) -> dict[str, str]:
        """`1.7 L` or `oak` or an explicit (English, Chinese) pair, by language.

        Raises LookupError for a word that the list does not hold.
        """
        if isinstance(written, list):
            return bilingual(written)
        return {"en": written, "zh": self._chinese(written)}

    def _chinese(self, english: str) -> str:
        if english in self.words:
            return self.words[english]
        if match := _QUANTITY.fullmatch(english):
            return self._quantity(match["numbers"], match["unit"])
        parts = english.split(", ")
        if len(parts) == 1:
            raise LookupError(f"{english!r} has no Chinese: add it to glossary.toml or write a pair")
        return "、".join(self._chinese(part) for part in parts)

    def _quantity(self, numbers: str, unit: str | None) -> str:
        chinese = numbers.replace(" × ", "×").replace(" to ", "至").replace(", ", "、")
        if unit is None:
            return chinese
        if unit not in self.units:
            raise LookupError(f"unit {unit!r} has no Chinese: add it to [units] of glossary.toml")
        return f"{chinese}{self.units[unit]}" if self.units[unit] != "K" else f"{chinese} K"
