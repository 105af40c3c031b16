"""How much each kind counts."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from needs.domain.weights import Kind, KindWeights

WEIGHTS = KindWeights(short_look=timedelta(seconds=3), long_look=timedelta(seconds=60))


def weight(kind: Kind, looked: int = 0, stars: float = float("nan")) -> float:
    given = np.array([kind], dtype=np.uint8), np.array([stars]), np.array([looked], dtype=np.int64)
    return float(WEIGHTS.of(*given)[0])


@pytest.mark.parametrize(
    ("looked", "expected"), [(0, 0.2), (1, 0.0), (2_999, 0.0), (3_000, 0.2), (59_999, 0.2), (60_000, 0.5)]
)
def test_a_view_counts_by_how_long_the_product_was_looked_at(looked: int, expected: float) -> None:
    assert weight(Kind.VIEW, looked) == expected


def test_how_long_was_looked_says_nothing_of_other_kinds() -> None:
    assert weight(Kind.PURCHASE, 1) == weight(Kind.PURCHASE)
    assert weight(Kind.RATE, 1, 5.0) == 2.0


def test_a_return_takes_at_least_its_purchase_back() -> None:
    assert weight(Kind.RETURN) <= -weight(Kind.PURCHASE)


def test_a_question_about_a_product_speaks_for_it() -> None:
    assert weight(Kind.ASKED) > 0


def test_signing_in_and_being_shown_something_weigh_nothing() -> None:
    assert (weight(Kind.IDENTIFY), weight(Kind.IMPRESSION)) == (0.0, 0.0)
