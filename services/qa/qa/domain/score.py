"""g(q,a,r) = sim(q,a) + λ·sim(q,r), term by term."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Weights:
    """The coefficients of g. q: the question asked; a: a question of the entry; r: the entry's answer.

    Cosines lie in [-1, 1]; BM25 is taken as a share of what a text that holds every word of q can reach, in [0, 1].
    """

    dense_question: float = 1.8  # sim(q,a) = this · cosine; all of them chosen by benchmarks/faq_weights.py
    lexical_question: float = 0.0  # … + this · BM25(q, a); it adds nothing once q is held against a and r together
    balance: float = 0.5  # λ
    dense_answer: float = 1.2  # sim(q,r) = this · cosine
    lexical_answer: float = 0.6  # … + this · BM25(q, r)
    lexical_both: float = 4.0  # … + this · BM25(q, a and r as one text)
    need: float = 0.05  # nearness of a to what the person needs: decides between equals, never against the words
    product: float = 0.1  # the entry is about a product the person lately dealt with
    told: float = -1.0  # a follow-up asks for something that the last answer did not say
    topic: float = 0.3  # and stays with the topic


ARTICLE = Weights(dense_question=1, lexical_question=0, balance=0.5, dense_answer=1, lexical_answer=0, lexical_both=0,
                  need=0, product=0, told=0, topic=0)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Term:
    """One addend of a score."""

    name: str
    value: float
    weight: float

    @property
    def contribution(self) -> float:
        """Value × weight."""
        return self.value * self.weight


@dataclass(frozen=True, slots=True)
class Score:
    """The sum of its terms."""

    terms: tuple[Term, ...] = field(default=())

    @property
    def value(self) -> float:
        """g(q,a,r)."""
        return sum(term.contribution for term in self.terms)

    def of(self, name: str) -> float:
        """The measured value of a term; 0 when there is none of the name."""
        return next((term.value for term in self.terms if term.name == name), 0.0)


def score(values: Sequence[float], weights: Weights) -> Score:
    """Measured values, in the order of `NAMES`, to terms that add up."""
    coefficients = (
        weights.dense_question,
        weights.lexical_question,
        weights.balance * weights.dense_answer,
        weights.balance * weights.lexical_answer,
        weights.balance * weights.lexical_both,
        weights.need,
        weights.product,
        weights.told,
        weights.topic,
    )
    return Score(tuple(Term(*parts) for parts in zip(NAMES, map(float, values), coefficients, strict=True)))


NAMES = (
    "sim(q,a).dense",
    "sim(q,a).lexical",
    "sim(q,r).dense",
    "sim(q,r).lexical",
    "sim(q,r).lexical_both",
    "need.dense",
    "need.product",
    "dialogue.told",
    "dialogue.topic",
)
