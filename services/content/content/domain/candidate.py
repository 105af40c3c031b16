"""Texts that could be said, before and after they are checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from content.domain.facts import Fact, FactChecker, refusal
from content.domain.names import Names


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that could be said."""

    text: str
    variant_id: str  # arm of the experiment: its template, or who wrote it
    made_by: str  # `template`, or the generator's name
    template_id: str = ""  # empty: generated
    appeal: str = ""
    own_language: float = 1.0  # share of its gaps that are in its own language, in [0, 1]
    log_prob: float | None = None  # per token; None: its maker does not say
    max_chars: int = 0  # 0: no limit


@dataclass(frozen=True, slots=True)
class Checked:
    """A text, what it states, and whether it may be said."""

    candidate: Candidate
    facts: Sequence[Fact]
    refused: str  # why it may not; empty: it may


def check(candidate: Candidate, checker: FactChecker, language: str, others: Iterable[Names] = ()) -> Checked:
    """Compares a text with the product record and with the room there is. `others`: see FactChecker."""
    facts = checker.facts(candidate.text, language, others)
    why = refusal(facts)
    length = len(candidate.text)
    if candidate.max_chars and length > candidate.max_chars:
        too_long = f"{length} characters, and the channel shows {candidate.max_chars}"
        why = f"{too_long}; {why}" if why else too_long
    return Checked(candidate, facts, why)
