"""Figures as lines of text."""

from __future__ import annotations

from collections.abc import Sequence

from attune_evaluate import metrics
from attune_evaluate.metrics import CUTS
from attune_evaluate.results import Board, Row

_NAME = 36  # columns


def told(board: Board) -> list[str]:
    """The tables of a board."""
    lines = [board.about, *_table(board, board.rows)]
    reference = next((row for row in board.rows if row.name == board.reference), None)
    if reference is not None:
        lines += ["", f"by products the person had dealt with ({reference.name})"]
        lines += [f"  {known:<12} {people:>7,} people   R@10 {recall:.4f}   N@10 {ndcg:.4f}"
                  for known, people, recall, ndcg in reference.groups()]  # fmt: skip
    if board.again:
        people = len(board.again[0].lists)
        lines += ["", f"what {people:,} of them had bought before and bought again (seen products are offered)"]
        lines += _table(board, board.again)
    return lines


def _table(board: Board, rows: Sequence[Row]) -> list[str]:
    if not rows or not rows[0].lists:
        return ["  nobody asks: no product that is looked for is left"]
    heads = [*(f"R@{k}" for k in CUTS), *(f"N@{k}" for k in CUTS)]
    lines = [" " * _NAME + "".join(f"{head:>8}" for head in heads) + "   95 % of N@10    cover novelty diverse"]
    for row in rows:
        values = [*(row.recall[k].mean() for k in CUTS), *(row.ndcg[k].mean() for k in CUTS)]
        _, low, high = metrics.interval(row.ndcg[10])
        covered, novel, diverse = board.beyond(row)
        told = "".join(f"{value:8.4f}" for value in values)
        lines.append(f"{row.name:<{_NAME}}{told}  {low:.4f}–{high:.4f} {covered:8.3f}{novel:8.2f}{diverse:8.3f}")
    return lines
