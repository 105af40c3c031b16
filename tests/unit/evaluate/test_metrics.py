from __future__ import annotations

import math

import numpy as np
import pytest

from attune_evaluate import metrics


def test_one_wanted_product_counts_by_its_place() -> None:
    assert metrics.ndcg("abc", {"c"}, 3) == pytest.approx(1 / math.log2(4))
    assert metrics.recall("abc", {"c"}, 2) == 0
    assert metrics.reciprocal_rank("abc", {"b", "c"}, 3) == 0.5


def test_of_several_wanted_products_the_best_list_has_ndcg_1() -> None:
    assert metrics.ndcg("abc", {"a", "b"}, 10) == pytest.approx(1)
    assert metrics.ndcg("cab", {"a", "b"}, 10) < 1


def test_the_interval_holds_the_mean_and_is_the_same_in_every_run() -> None:
    values = np.array([0.0, 1.0] * 50)
    found = metrics.interval(values)
    assert found.low < found.mean == 0.5 < found.high
    assert found == metrics.interval(values)


def test_a_gain_on_everybody_is_sure_and_none_is_not() -> None:
    before = np.linspace(0, 1, 50)
    assert metrics.probability_of_gain(before + 0.1, before) == 1
    assert metrics.probability_of_gain(before, before) == 0


def test_equal_vectors_are_not_diverse() -> None:
    vectors = np.eye(3, dtype=np.float32)
    assert metrics.diversity([[0, 1, 2]], vectors, 10) == pytest.approx(1)
    assert metrics.diversity([[0, 0]], vectors, 10) == pytest.approx(0)
    assert metrics.coverage([[0, 1], [1]], 4, 10) == 0.5


def test_novelty_is_the_bits_of_how_few_people_had_to_do_with_what_is_offered() -> None:
    people = np.array([3.0, 1.0, 1.0])  # each and one more of 8: shares of 1/2, 1/4 and 1/4
    assert metrics.novelty([[0]], people, 10) == pytest.approx(1)
    assert metrics.novelty([[0, 1]], people, 10) == pytest.approx(1.5)
    assert metrics.novelty([[0, 1], [2]], people, 10) == pytest.approx(1.75)  # of the means of people


def test_novelty_looks_at_the_first_of_a_list_and_passes_over_people_who_were_offered_nothing() -> None:
    people = np.array([3.0, 1.0, 1.0])
    assert metrics.novelty([[0, 1, 2]], people, 1) == pytest.approx(1)
    assert metrics.novelty([[], [1]], people, 10) == pytest.approx(2)
    assert metrics.novelty([], people, 10) == 0
