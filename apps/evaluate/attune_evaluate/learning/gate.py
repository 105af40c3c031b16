"""Whether coefficients may rank a shop: only when later choices say so, and surely."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attune_evaluate.learning.choices import Choice, Choices
from attune_evaluate.learning.fitting import Values, quality
from attune_evaluate.metrics import probability_of_gain

SURE = 0.975  # of resamples of the people must say that it is better; 1 of 40 that are no better passes
LEAST_EARLIER, LEAST_LATER = 200, 100  # choices; with fewer no gain below a tenth could be told from luck


@dataclass(frozen=True, slots=True)
class Verdict:
    """What later choices say."""

    choices: int
    people: int
    before: float  # mean NDCG@10 of people
    after: float
    sure: float  # the share of resamples of the people in which it is better

    @property
    def passes(self) -> bool:
        return self.after > self.before and self.sure >= SURE


class TooFew(Exception):
    """Too little happened in this shop to learn from; says how much is missing."""

    def __init__(self, found: Choices) -> None:
        super().__init__(
            f"{len(found.earlier)} choices to learn from and {len(found.later)} later ones to judge by: "
            f"{LEAST_EARLIER} and {LEAST_LATER} are needed. A choice is a person's first new product in a while; "
            "let more happen, or give more events with --events"
        )


def enough(found: Choices) -> Choices:
    """The choices themselves; raises TooFew."""
    learnable = sum(choice.chosen >= 0 for choice in found.earlier)
    if learnable < LEAST_EARLIER or len(found.later) < LEAST_LATER:
        raise TooFew(found)
    return found


def judged(later: Sequence[Choice], before: Values, after: Values) -> Verdict:
    """Compare on choices that neither has seen, person by person: one who chose often has one voice."""
    old, new = (_by_person(later, quality(later, weights)) for weights in (before, after))
    return Verdict(len(later), len(old), float(old.mean()), float(new.mean()), probability_of_gain(new, old))


def _by_person(choices: Sequence[Choice], values: Values) -> Values:
    of: defaultdict[str, list[float]] = defaultdict(list)
    for choice, value in zip(choices, values.tolist(), strict=True):
        of[choice.user].append(value)
    return np.array([float(np.mean(each)) for each in of.values()])
