"""What the customer is told, and how sure we are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from qa.domain.knowledge import Entry
from qa.domain.score import Score


class Outcome(IntEnum):
    """How a question was dealt with."""

    DIRECT = 1  # the words of one entry
    GENERATED = 2  # generated words that cite their sources
    ASK_BACK = 3  # the question can be read in more than one way
    HANDED_OVER = 4  # the shop's knowledge does not hold the answer


@dataclass(frozen=True, slots=True)
class Citation:
    """A source of an answer."""

    entry_id: str
    family: str
    question: str
    source: str
    language: str
    score: Score

    @classmethod
    def of(cls, entry: Entry, score: Score) -> Citation:
        """Cite an entry."""
        return cls(entry.entry_id, entry.family, entry.question, entry.source, entry.language, score)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer."""

    text: str
    language: str  # BCP 47
    outcome: Outcome
    probability: float  # that it is right, in [0, 1]
    citations: tuple[Citation, ...] = ()  # best first
    product_ids: tuple[str, ...] = ()
    balance: float = 0.0  # λ
