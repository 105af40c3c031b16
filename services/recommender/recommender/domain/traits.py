"""What attributes products have, by name and value in small letters, and what quantities they and titles state."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain

from recommender.domain.reading import units
from recommender.domain.reading.measures import Measure
from recommender.domain.reading.units import Quantity

_WORDS = re.compile(r"[\u3400-\u9fff]+|[^\W\d_\u3400-\u9fff]+")
_JOINED = re.compile("[和与及或、]")


class Traits:
    """Numbers of attributes; 0 is none. A number stays for ever, so that rows of numbers do too."""

    def __init__(self) -> None:
        self.named: list[tuple[str, str]] = [("", "")]  # by number
        self._numbers: dict[str, dict[str, int]] = {}  # name → value → number
        self._stating: dict[str, dict[str, list[int]]] = {}  # kind → amount → numbers of those that state it
        self._titled: dict[Quantity, int] = {}  # what titles state → its number, which has no name
        self._measured: set[str] = set()  # kinds that some attribute states
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
                self._measured.add(quantity.kind)
                self._state(quantity, number)
            self._words |= {value, *_WORDS.findall(value)} | {part for part in _JOINED.split(value) if part}
        return number

    def numbers(self, name: str, values: Iterable[str] = ()) -> list[int]:
        """Those of a name with any of the values, whatever their case; with any value when none is given."""
        known = self._numbers.get(name.casefold(), {})
        wanted = [value.casefold() for value in values]
        return [known[value] for value in wanted if value in known] if wanted else list(known.values())

    def of_title(self, title: str) -> list[int]:
        """Numbers of the quantities that a title in small letters states."""
        return [self._of_title(quantity) for quantity in units.asked(title)]

    def _of_title(self, quantity: Quantity) -> int:
        number = self._titled.get(quantity)
        if number is None:
            number = self._titled[quantity] = len(self.named)
            self.named.append(("", ""))
            self._state(quantity, number)
        return number

    def _state(self, quantity: Quantity, number: int) -> None:
        self._stating.setdefault(quantity.kind, {}).setdefault(quantity.amount, []).append(number)

    def measures(self, kind: str) -> bool:
        """Whether some attribute has ever stated a quantity of a kind: a title alone makes none a property."""
        return kind in self._measured

    def stating(self, measure: Measure) -> list[int]:
        """Numbers that state what is asked for, in whatever unit."""
        known = self._stating.get(measure.kind, {})
        amounts = measure.amounts or known
        return [*chain.from_iterable(known.get(each, ()) for each in amounts if measure.met(each))]

    def of_kind(self, kind: str) -> list[int]:
        """Numbers that state any quantity of a kind."""
        return [*chain.from_iterable(self._stating.get(kind, {}).values())]

    def speaks_of(self, word: str) -> bool:
        """Whether a word is the value of some attribute, or stands in one."""
        return word in self._words
