"""log P(x|u,t) is a sum of terms, and P sums to one over the candidates."""

from __future__ import annotations

import math

import numpy as np
import pytest

from content.domain.candidate import Candidate
from content.domain.likelihood import Evidence, Weights, cosine, scores


def evidence(n: int, **given: list[float]) -> Evidence:
    measured = {"need_words": [0.0] * n, "need_vector": [0.0] * n, "appeal": [0.5] * n, **given}
    return Evidence(**{name: np.array(values) for name, values in measured.items()})


def candidates(*log_probs: float | None) -> list[Candidate]:
    return [Candidate(f"text {i}", f"v{i}", "template", log_prob=value) for i, value in enumerate(log_probs)]


def test_terms_add_up_to_the_score_and_probabilities_to_one() -> None:
    found = scores(
        candidates(None, -1.0, -2.0), evidence(3, need_words=[0.1, 0.7, 0.3], appeal=[0.5, 0.2, 0.9]), Weights()
    )
    assert math.fsum(score.probability for score in found) == pytest.approx(1)
    for score in found:
        assert score.value == pytest.approx(math.fsum(term.value * term.weight for term in score.terms))
        assert score.value <= 0


def test_a_text_nearer_to_the_need_is_likelier() -> None:
    far, near = scores(candidates(None, None), evidence(2, need_words=[0.1, 0.6]), Weights())
    assert near.probability > far.probability


def test_a_text_whose_maker_gives_no_likelihood_is_neither_favoured_nor_punished() -> None:
    first, second, without = scores(candidates(-1.0, -3.0, None), evidence(3), Weights())
    assert second.value < without.value < first.value


def test_a_single_text_has_probability_one() -> None:
    (only,) = scores(candidates(None), evidence(1), Weights())
    assert only.probability == pytest.approx(1)


def test_the_cosine_with_an_empty_need_is_zero() -> None:
    assert cosine({"tea": 1.0}, {}) == 0
    assert cosine({"tea": 2.0}, {"tea": 0.5}) == pytest.approx(1)
