"""What the shop can answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple


class LogPosition(NamedTuple):
    """Where in the event log something was said. Positions of two lives of the log are never compared."""

    log: str = ""
    partition: int = 0
    offset: int = -1


NOWHERE = LogPosition()


@dataclass(frozen=True, slots=True)
class Entry:
    """A question the shop can answer, in one language."""

    tenant: str
    entry_id: str
    family: str  # shared by the same entry in other languages
    language: str  # BCP 47
    question: str
    answer: str
    variants: tuple[str, ...] = ()  # other ways to put the question
    topic: str = ""
    source: str = ""  # a title or URL that may be shown
    valid_from: float = -math.inf  # seconds since 1970
    valid_until: float = math.inf  # exclusive
    product_ids: tuple[str, ...] = ()
    position: LogPosition = NOWHERE

    @property
    def phrasings(self) -> tuple[str, ...]:
        """Every way to put the question, the canonical one first."""
        return (self.question, *self.variants)

    @property
    def texts(self) -> tuple[str, ...]:
        """What an encoder must read of it: the phrasings, then the answer."""
        return (*self.phrasings, self.answer)

    def holds(self, now: float) -> bool:
        """Whether the answer is valid at this moment."""
        return self.valid_from <= now < self.valid_until
