from __future__ import annotations

import math

import numpy as np
import pytest

from attune_evaluate import telling
from attune_evaluate.results import Board, Row


def row(name: str, lists: list[list[int]], wanted: list[set[int]], known: list[int]) -> Row:
    return Row(name, [f"p{number}" for number in range(len(lists))], lists, wanted, known)


def board(rows: list[Row], again: list[Row]) -> Board:
    people, vectors = np.array([3.0, 1.0, 1.0]), np.eye(3, dtype=np.float32)
    return Board("about", rows, again, 3, people, vectors, rows[0].name, ["a", "b", "c"])


def test_figures_are_told_by_how_many_products_people_had_dealt_with() -> None:
    lists = [[0, 1], [1, 0], [0, 1], [2, 1, 0], [0, 1]]
    found = row("f", lists, [{0}, {0}, {2}, {0}, {1}], known=[1, 4, 5, 20, 300]).groups()
    half, second = 1 / math.log2(4), 1 / math.log2(3)  # NDCG of a third and of a second place
    assert [(name, people, recall) for name, people, recall, _ in found] == [
        ("1 to 4", 2, 1.0), ("5 to 9", 1, 0.0), ("20 or more", 2, 1.0)
    ]  # fmt: skip
    assert [ndcg for *_, ndcg in found] == pytest.approx([(1 + second) / 2, 0, (half + second) / 2])


def test_groups_of_json_are_those_of_the_row() -> None:
    found = board([row("f", [[0, 1], [1, 0]], [{0}, {2}], known=[4, 10])], []).form()["new"][0]
    assert found["groups"] == [
        {"known": "1 to 4", "people": 1, "recall@10": 1.0, "ndcg@10": 1.0},
        {"known": "10 to 19", "people": 1, "recall@10": 0.0, "ndcg@10": 0.0},
    ]
    assert found["novelty@10"] == 1.5  # a list of a product of 1 bit and one of 2 bits


def test_products_that_are_bought_again_have_a_table_of_their_own() -> None:
    new, again = row("f", [[0], [1]], [{0}, {1}], [1, 1]), row("f", [[2, 0]], [{0}], [1])
    told = telling.told(board([new], [again]))
    start = told.index("what 1 of them had bought before and bought again (seen products are offered)")
    assert told[start + 2].split()[:7] == ["f", "1.0000", "1.0000", "1.0000", "0.6309", "0.6309", "0.6309"]
    assert not any("bought again" in line for line in telling.told(board([new], [])))
