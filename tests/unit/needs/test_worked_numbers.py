"""The formulas of a need on numbers that can be followed with a pencil."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from needs.domain.fold import fold
from needs.domain.identity import names, product_name
from needs.domain.need import Mode, Need, need
from needs.domain.products import Product, ProductTable
from needs.domain.state import Behaviors, row_type
from needs.domain.weights import Kind, KindWeights, Recency
from needs.domain.words import Words

WEEK = 7 * 86_400_000
VECTORS = {"east": (1.0, 0.0), "north": (0.0, 1.0), "between": (0.6, 0.8)}


@pytest.fixture
def of() -> Callable[..., Need]:
    """The need that these (product, kind, time) make, in a plane."""

    def make(done: list[tuple[str, Kind, int]], mode: Mode) -> Need:
        table, rows = ProductTable(2), np.zeros(1, row_type(2))
        for product, vector in VECTORS.items():
            table.put(Product("shop", product, np.array(vector, dtype=np.float32)))
        kinds = np.array([kind for _, kind, _ in done], dtype=np.uint8)
        batch = Behaviors(
            offsets=np.arange(len(done)),
            people=np.zeros(len(done), dtype=np.int64),
            products=np.array([product_name("shop", product) for product, _, _ in done], dtype=np.uint64),
            kinds=kinds,
            times=np.array([at for _, _, at in done], dtype=np.int64),
            weights=KindWeights().of(kinds, np.full(len(done), np.nan)),
            events=names(str(number) for number in range(len(done))),
        )
        fold(rows, batch, table, Recency())
        return need(rows[0], Words(), [], table, Recency(), mode)

    return make


def test_the_article_means_every_behaviour_alike(of: Any) -> None:
    """(1, 0) + (0, 1) + (.6, .8) = (1.6, 1.8), of length √5.8."""
    found = of([("east", Kind.VIEW, WEEK), ("north", Kind.PURCHASE, 2 * WEEK), ("between", Kind.CLICK, 9 * WEEK)],
               Mode.ARTICLE)  # fmt: skip
    assert found.vector == pytest.approx([1.6 / math.sqrt(5.8), 1.8 / math.sqrt(5.8)])
    # e_b · r / |total|: 1.6 / 5.8 of the first, 1.8 / 5.8, and (.6 · 1.6 + .8 · 1.8) / 5.8
    shares = {behavior.product_id: behavior.share for behavior in found.spectrum}
    assert shares == pytest.approx({"east": 1.6 / 5.8, "north": 1.8 / 5.8, "between": 2.4 / 5.8})


def test_a_behaviour_seen_twice_counts_twice_in_the_article(of: Any) -> None:
    """2 · (1, 0) + (0, 1), of length √5."""
    found = of([("east", Kind.VIEW, 1), ("east", Kind.VIEW, 2), ("north", Kind.VIEW, 3)], Mode.ARTICLE)
    assert found.vector == pytest.approx([2 / math.sqrt(5), 1 / math.sqrt(5)])


def test_the_article_knows_no_dislike(of: Any) -> None:
    assert of([("east", Kind.DISLIKE, 1)], Mode.ARTICLE).vector == pytest.approx([1, 0])


def test_by_default_kinds_weeks_and_what_came_since_count(of: Any) -> None:
    """A purchase of a week ago: 2 · ½ for the week · 2^(-1/2) for the cart since, that is .7071; the cart: 1."""
    found = of([("east", Kind.PURCHASE, WEEK), ("north", Kind.ADD_TO_CART, 2 * WEEK)], Mode.WEIGHTED)
    east, north = math.sqrt(0.5), 1.0
    assert [behavior.weight for behavior in found.spectrum] == pytest.approx([north, east])
    assert found.vector == pytest.approx([east / math.sqrt(1.5), north / math.sqrt(1.5)])
    assert [behavior.share for behavior in found.spectrum] == pytest.approx([1 / 1.5, 0.5 / 1.5])


def test_a_return_at_the_same_time_as_another_purchase_leaves_the_other(of: Any) -> None:
    """2 · 2^(-1.3 / 2) east - 1.3 east + 2 north at once: what is left of the east is .0255 to the west."""
    done = [("east", Kind.PURCHASE, 1), ("east", Kind.RETURN, 2), ("north", Kind.PURCHASE, 2)]
    assert of(done, Mode.WEIGHTED).vector == pytest.approx([-0.0255 / 2, 1], abs=1e-3)
