"""From scores to a probability, and from the probability to what is done."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qa.domain.answer import Outcome
from qa.domain.shelf import Found

SAME = 0.99  # cosine from which on the question is one of the entry's own, word for word
SURE = 0.98


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic regression: P(the best family answers q | what was measured).

    Fitted by `benchmarks/faq.py` with half of the knowledge taken away, so that it learns what a question
    without an answer looks like. The terms of persons (need, product) are left out: they say nothing of the words.
    """

    bias: float = -3.8
    margin: float = 2.6  # per unit of g between the best and the second family, up to 1.5
    coverage: float = 1.1  # per share of what the question says (by idf) that the family says too
    cosine: float = 2.9  # per unit of sim(q,a).dense

    def probability(self, found: Sequence[Found]) -> float:
        """P in [0, 1] for the first of these; 0 when there is none."""
        if not found:
            return 0.0
        first = found[0]
        cosine = first.score.of("sim(q,a).dense")
        if cosine >= SAME:
            return SURE
        second = found[1].score.value if len(found) > 1 else 0.0
        logit = (
            self.bias
            + self.margin * min(first.score.value - second, 1.5)
            + self.coverage * first.coverage
            + self.cosine * cosine
        )
        return 1 / (1 + math.exp(-logit))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which probability on what is done."""

    direct: float = 0.8  # above: the entry's own words
    generated: float = 0.5  # above: said with its source, so that the customer can judge
    ask_back: float = 0.2  # above, with near rivals: which of these is meant?
    alike: float = 0.6  # like `near`, for asking back: families that are only remotely meant are no help to name
    near: float = 0.4  # cosine, or share of BM25, below which a phrasing only shares small words with the question
    rival: float = 0.25  # in units of g: a family this near to the best one may be meant as well


def decide(found: Sequence[Found], probability: float, thresholds: Thresholds, *, follows: bool = False) -> Outcome:
    """What to do with a question whose best families these are.

    `follows`: it leans on what was said before. Then the doubt is about how to read it, which the customer can settle
    in a word, so that it is asked back where a question that stands alone is handed over.
    """
    likeness = max(map(found[0].score.of, ("sim(q,a).dense", "sim(q,a).lexical"))) if found else 0.0
    if likeness < thresholds.near:
        return Outcome.HANDED_OVER
    if probability >= thresholds.direct:
        return Outcome.DIRECT
    doubtful = probability >= thresholds.ask_back and likeness >= thresholds.alike
    if doubtful and len(rivals(found, thresholds)) > 1:
        return Outcome.ASK_BACK
    if probability >= thresholds.generated:
        return Outcome.GENERATED
    return Outcome.ASK_BACK if doubtful and follows else Outcome.HANDED_OVER


def rivals(found: Sequence[Found], thresholds: Thresholds) -> list[Found]:
    """The families that may be meant: the best one and those near it, at most three."""
    return [each for each in found[:3] if found[0].score.value - each.score.value <= thresholds.rival]


def readings(found: Sequence[Found], thresholds: Thresholds) -> list[Found]:
    """What is named when asking back: the rivals, or the two best families where there is no rival."""
    near = rivals(found, thresholds)
    return near if len(near) > 1 else list(found[:2])
