"""What attributes products have, by name and value in small letters."""

from __future__ import annotations

import re
from collections.abc import Iterable

from recommender.domain.reading import units
from recommender.domain.reading.units import Quantity

_WORDS = re.compile(r"[\u3400-\u9fff]+|[^\W\d_\u3400-\u9fff]+")
_JOINED = re.compile("[和与及或、]")


class Traits:
    """Numbers of attributes; 0 is none. A number stays for ever, so that rows of numbers do too."""

    def __init__(self) -> None:
        self.named: list[tuple[str, str]] = [("", "")]  # by number
        self._numbers: dict[str, dict[str, int]] = {}  # name → value → number
        self._stating: dict[Quantity, list[int]] = {}  # how much of what → numbers of those that state it
        self._words: set[str] = set()

    def __len__(self) -> int:
        return len(self.named)

    def number(self, named: tuple[str, str]) -> int:
        """The number of a name and value; a new one where there was none."""
        name, value = named
        values = self._numbers.setdefault(name, {})
        number = values.get(value)
        if number is None:
            number = values[value] = len(self.named)
            self.named.append(named)
            for quantity in units.stated(name, value):
                self._stating.setdefault(quantity, []).append(number)
            self._words |= {value, *_WORDS.findall(value)} | {part for part in _JOINED.split(value) if part}
        return number

    def numbers(self, name: str, values: Iterable[str] = ()) -> list[int]:
        """Those of a name with any of the values, whatever their case; with any value when none is given."""
        known = self._numbers.get(name.casefold(), {})
        wanted = [value.casefold() for value in values]
        return [known[value] for value in wanted if value in known] if wanted else list(known.values())

    def stating(self, quantity: Quantity) -> list[int]:
        """Numbers of the attributes that state a quantity, in whatever unit."""
        return self._stating.get(quantity, [])

    def speaks_of(self, word: str) -> bool:
        """Whether a word is the value of some attribute, or stands in one."""
        return word in self._words
