"""log P(x|u,t): how likely a text is the right one for a person now, with its terms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from content.domain.candidate import Candidate


@dataclass(frozen=True, slots=True)
class Weights:
    """Coefficients of the terms. Without logged choices to learn from they only say: a need that is met counts most."""

    need_words: float = 2.0
    need_vector: float = 1.0
    language: float = 1.0
    appeal: float = 1.0
    generator: float = 0.5  # a model's likely text is fluent, not therefore good (Eikema & Aziz 2020)


@dataclass(frozen=True, slots=True)
class Term:
    """One addend."""

    name: str
    value: float
    weight: float

    @property
    def contribution(self) -> float:
        """Value × weight."""
        return self.value * self.weight


@dataclass(frozen=True, slots=True)
class Score:
    """log P(x|u,t), the sum of its terms' contributions."""

    terms: tuple[Term, ...]

    @property
    def value(self) -> float:
        """At most 0."""
        return math.fsum(term.contribution for term in self.terms)

    @property
    def probability(self) -> float:
        """P(x|u,t) among the candidates, in (0, 1]."""
        return min(1.0, math.exp(self.value))


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What is measured of the candidates, one value each, (n,)."""

    need_words: NDArray[np.float64]  # cosine of their words with the sparse need, in [0, 1]
    need_vector: NDArray[np.float64]  # cosine of their vectors with r_u, in [-1, 1]
    appeal: NDArray[np.float64]  # affinity, greater than 0


def scores(candidates: Sequence[Candidate], evidence: Evidence, weights: Weights) -> list[Score]:
    """Log P(x|u,t) of each of at least one candidate.

    P is proportional to exp of the weighted terms and sums to 1 over the candidates; `normalizer` is what that takes.
    A text without a log-probability of its generator gets the mean of those that have one: neither favoured nor
    punished for it.
    """
    generator = _per_token([candidate.log_prob for candidate in candidates])
    rows = [
        (
            Term("need.words", float(evidence.need_words[i]), weights.need_words),
            Term("need.vector", float(evidence.need_vector[i]), weights.need_vector),
            Term("language", candidate.own_language, weights.language),
            Term("appeal", math.log(evidence.appeal[i]), weights.appeal),
            Term("generator", generator[i], weights.generator),
        )
        for i, candidate in enumerate(candidates)
    ]
    sums = [math.fsum(term.contribution for term in row) for row in rows]
    top = max(sums)
    normalizer = top + math.log(math.fsum(math.exp(value - top) for value in sums))
    return [Score((*row, Term("normalizer", -normalizer, 1.0))) for row in rows]


def cosine(text: Mapping[str, float], need: Mapping[str, float]) -> float:
    """Cosine of two sparse vectors, in [0, 1]; 0 when one of them is empty."""
    length = math.sqrt(sum(w * w for w in text.values()) * sum(w * w for w in need.values()))
    return sum(weight * need.get(word, 0.0) for word, weight in text.items()) / length if length else 0.0


def _per_token(log_probs: Sequence[float | None]) -> list[float]:
    told = [value for value in log_probs if value is not None]
    mean = math.fsum(told) / len(told) if told else 0.0
    return [mean if value is None else value for value in log_probs]
