"""Ranked lists and what was looked for → figures."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attune_evaluate import metrics
from attune_evaluate.metrics import CUTS, Values

FIRST = 10  # products of a list that coverage, novelty and diversity look at
GROUPS = ((1, 4), (5, 9), (10, 19), (20, None))  # products a person had dealt with


@dataclass(eq=False)
class Row:
    """One way to rank: a list for each person, and what that person was looking for."""

    name: str
    users: Sequence[str]
    lists: Sequence[Sequence[int]]
    wanted: Sequence[Collection[int]]
    known: Sequence[int]  # products each had dealt with

    @cached_property
    def recall(self) -> dict[int, Values]:
        """Cut → (people,)."""
        return {k: self._each(metrics.recall, k) for k in CUTS}

    @cached_property
    def ndcg(self) -> dict[int, Values]:
        """Cut → (people,)."""
        return {k: self._each(metrics.ndcg, k) for k in CUTS}

    def groups(self) -> list[tuple[str, int, float, float]]:
        """Products dealt with, people, R@10, N@10."""
        known, found = np.array(self.known), []
        for low, high in GROUPS:
            of = (known >= low) & (known <= (high or known.max(initial=low)))
            if of.any():
                name = f"{low} to {high}" if high else f"{low} or more"
                found.append((name, int(of.sum()), float(self.recall[10][of].mean()), float(self.ndcg[10][of].mean())))
        return found

    def _each(self, measure: Any, k: int) -> Values:
        return np.array([measure(ranked, wanted, k) for ranked, wanted in zip(self.lists, self.wanted, strict=True)])


@dataclass(eq=False)
class Board:
    """All ways to rank one split of a data set."""

    about: str
    rows: Sequence[Row]  # for products the person had not dealt with
    again: Sequence[Row]  # for those the person had
    catalogue: int  # products
    people: Values  # how many people had to do with each, by place
    vectors: NDArray[np.float32]
    reference: str  # the row that groups are told of
    ids: Sequence[str]  # of the product of each place

    def beyond(self, row: Row) -> tuple[float, float, float]:
        """Coverage, novelty, diversity of the first ten."""
        return (
            metrics.coverage(row.lists, self.catalogue, FIRST),
            metrics.novelty(row.lists, self.people, FIRST),
            metrics.diversity(row.lists, self.vectors, FIRST),
        )

    def offers(self) -> Iterator[dict[str, Any]]:
        """What each person was offered, as JSON."""
        for row in self.rows:
            for user, ranked in zip(row.users, row.lists, strict=True):
                yield {"row": row.name, "user": user, "products": [self.ids[place] for place in ranked]}

    def form(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "about": self.about,
            "products": self.catalogue,
            "new": [self._form(row) for row in self.rows],
            "again": [self._form(row) for row in self.again],
        }

    def _form(self, row: Row) -> dict[str, Any]:
        cuts = {f"recall@{k}": round(float(row.recall[k].mean()), 5) for k in CUTS}
        cuts |= {f"ndcg@{k}": round(float(row.ndcg[k].mean()), 5) for k in CUTS}
        names = ("coverage@10", "novelty@10", "diversity@10")
        beyond = {name: round(value, 5) for name, value in zip(names, self.beyond(row), strict=True)}
        known = [
            {"known": known, "people": people, "recall@10": round(recall, 5), "ndcg@10": round(ndcg, 5)}
            for known, people, recall, ndcg in row.groups()
        ]
        between = {
            name: [round(each, 5) for each in metrics.interval(values)[1:]]
            for name, values in (("recall@10", row.recall[10]), ("ndcg@10", row.ndcg[10]))
        }
        return {"name": row.name, "people": len(row.lists), **cuts, "interval": between, **beyond, "groups": known}
