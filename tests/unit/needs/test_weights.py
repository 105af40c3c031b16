"""How much each kind counts."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from needs.domain.weights import Kind, KindWeights, Recency, moments

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
    back = -weight(Kind.RETURN)
    assert back >= weight(Kind.PURCHASE) * Recency().by_attention(np.array(back))  # what its own weight leaves of it


def test_a_question_about_a_product_speaks_for_it() -> None:
    assert weight(Kind.ASKED) > 0


def test_signing_in_and_being_shown_something_weigh_nothing() -> None:
    assert (weight(Kind.IDENTIFY), weight(Kind.IMPRESSION)) == (0.0, 0.0)


def test_a_moment_weighs_as_much_as_its_first_behaviour() -> None:
    newer, added = moments(np.array([9, 5, 5, 5, 1]), np.array([0.5, 2.0, -1.0, 1.5, 1.0]))
    assert newer.tolist() == [0.0, 0.5, 0.5, 0.5, 2.0]  # newest first: the 1.5 was the first of its moment
    assert added.tolist() == [0.5, 0.0, 0.0, 1.5, 1.0]


def test_nothing_done_has_no_moments() -> None:
    newer, added = moments(np.zeros(0, dtype=np.int64), np.zeros(0))
    assert (len(newer), len(added)) == (0, 0)
