from __future__ import annotations

import numpy as np

from attune_evaluate.ranking import LADDER, LINKS, ladder
from recommender.domain.score import Scores, Weights, coefficients

NAMES = [
    "sim.dense with recency",
    "+ nearest of the last products",
    "+ words",
    "+ transitions",
    "+ co-occurrence",
    "+ category, brand, attributes",
    "+ links of the catalogue",
]


def scores() -> Scores:
    """Two products; of the terms of the ladder the catalogue's is 0, and that of words is not there."""
    values = {"sim.dense": (1, 0), "sim.recent": (0, 2), "rel.transition": (4, 0), "rel.co_occurrence": (0, 8)}
    values |= {"rel.attributes": (16, 0), "rel.catalog": (0, 0), "trend": (100, 100)}
    return Scores([0, 1], [(name, np.array(each, dtype=float), 0.5) for name, each in values.items()])


def test_the_rungs_of_the_ladder_come_in_order_and_each_adds_its_term_with_its_coefficient() -> None:
    found = {name: totals.tolist() for name, totals in ladder(scores(), linked=True)}
    assert list(found) == NAMES
    assert found == dict(
        zip(NAMES, [[0.5, 0], [0.5, 1], [0.5, 1], [2.5, 1], [2.5, 5], [10.5, 5], [10.5, 5]], strict=True)
    )


def test_a_catalogue_without_links_has_no_rung_of_links() -> None:
    assert [name for name, _ in ladder(scores(), linked=False)] == [name for name in NAMES if name != LINKS]


def test_every_term_of_the_ladder_is_one_of_f() -> None:
    assert {term for terms in LADDER.values() for term in terms} <= coefficients(Weights()).keys()
