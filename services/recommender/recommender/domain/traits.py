"""What attributes products have, by name and value in small letters."""

from __future__ import annotations

from collections.abc import Iterable


class Traits:
    """Numbers of attributes; 0 is none. A number stays for ever, so that rows of numbers do too."""

    def __init__(self) -> None:
        self.named: list[tuple[str, str]] = [("", "")]  # by number
        self._numbers: dict[str, dict[str, int]] = {}  # name → value → number

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
        return number

    def numbers(self, name: str, values: Iterable[str] = ()) -> list[int]:
        """Those of a name with any of the values, whatever their case; with any value when none is given."""
        known = self._numbers.get(name.casefold(), {})
        wanted = [value.casefold() for value in values]
        return [known[value] for value in wanted if value in known] if wanted else list(known.values())
