"""rel(p, G): what the graph says of products around the person's last ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.domain.shop import Shop

Values = NDArray[np.float64]
Places = NDArray[np.int64]

SEED_DECAY = 0.7  # per moment that a product of the person lies back (best on Amazon Beauty and Office)
SHARES = {"transition": 1.0, "co_occurrence": 0.5}  # inner coefficients of rel (best on Amazon Beauty)
STATED = 0.5  # of a link the catalogue states: sure, but not about this person
OVERLAP = 0.1  # of shared category, brand and attributes (best on Amazon Beauty)
_PARTS = {**SHARES, "catalog": STATED}
_weight = attrgetter("weight")
_NOWHERE: Places = np.zeros(0, dtype=np.int64)


class Step(NamedTuple):
    """One edge from a product of the person to another one."""

    source: int
    target: int
    kind: str
    weight: float  # what it adds to rel(p, G)


class Around:
    """The edges that leave the last products, newest first; read once per request.

    `_edges` are those of each kind, with the value times the decay of the seed that they leave, before the inner
    coefficient; `_targets` is where they lead, one kind after the other.
    """

    def __init__(self, shop: Shop, seeds: Sequence[int], back: Sequence[int] | None = None) -> None:
        """`back` tells how many moments each seed lies back; without it, each one more than the one before."""
        self._shop, self.seeds = shop, seeds
        self.weights = weights = decays(range(len(seeds)) if back is None else back)
        self._portions = weights / weights.sum() if len(seeds) else weights
        self._edges = {
            kind: edges._replace(values=edges.values * weights[edges.which])
            for kind, edges in (shop.graph.related(seeds) if len(seeds) else {}).items()
        }
        self._targets: Places = np.concatenate([_NOWHERE, *(edges.places for edges in self._edges.values())])
        self._reached, self._parts = self._add_up()

    def _add_up(self) -> tuple[Places, Mapping[str, Values]]:
        """The places that edges lead to, in order, and what the edges of each part add up to there."""
        reached, where = np.unique(self._targets, return_inverse=True)
        parts = {name: np.zeros(len(reached)) for name in _PARTS}
        begin = 0
        for kind, edges in self._edges.items():
            at = where[begin : begin + len(edges.places)]
            parts[_part(kind)] += np.bincount(at, edges.values, len(reached))
            begin += len(edges.places)
        return reached, parts

    def parts(self, places: Places) -> Mapping[str, Values]:
        """The graph's parts of rel for each place, before their inner coefficients; (n,) each."""
        if not len(self._reached):
            return dict.fromkeys(_PARTS, np.zeros(len(places)))
        at = np.minimum(np.searchsorted(self._reached, places), len(self._reached) - 1)
        known = self._reached[at] == places
        return {name: np.where(known, values[at], 0.0) for name, values in self._parts.items()}

    def nearest(self, k: int) -> list[int]:
        """The k places of the largest sum of the parts, best first; those without any are left out."""
        total = np.zeros(len(self._reached))
        for name, values in self._parts.items():
            total += _PARTS[name] * values
        some = np.flatnonzero(total)
        best: list[int] = self._reached[some[np.argsort(-total[some], kind="stable")][:k]].tolist()
        return best

    def overlap(self, places: Places) -> Values:
        """How much each place has in common with the last products, in [0, 1]."""
        if not self.seeds:
            return np.zeros(len(places))
        return self._shop.overlap(places, self.seeds, self._portions)

    def steps_to(self, place: int) -> list[Step]:
        """All that is behind rel(p, G), strongest first: the weights add up to it, before λ."""
        return sorted([*self.edges_to(place), *self.likenesses(place)], key=_weight, reverse=True)

    def edges_to(self, place: int, part: str = "") -> list[Step]:
        """The edges of the graph among them; of one part of rel alone where it is named."""
        found = [
            Step(self.seeds[edges.which.item(row)], place, kind, SHARES.get(kind, STATED) * edges.values.item(row))
            for kind, edges in self._edges.items()
            if not part or part == _part(kind)
            for row in (edges.places == place).nonzero()[0].tolist()
        ]
        return sorted(found, key=_weight, reverse=True)

    def likenesses(self, place: int) -> list[Step]:
        """What it shares with the last products among them."""
        shares = OVERLAP * self._portions * self._shop.alike(place, self.seeds)
        found = [
            Step(seed, place, _alike(self._shop, seed, place), share)
            for seed, share in zip(self.seeds, shares.tolist(), strict=True)
            if share
        ]
        return sorted(found, key=_weight, reverse=True)


def _part(kind: str) -> str:
    """The part of rel that edges of a kind count for."""
    return kind if kind in _PARTS else "catalog"


def decays(back: Sequence[int]) -> Values:
    """How much what lies so many moments back still counts; (n,)."""
    return np.power(SEED_DECAY, np.asarray(back, dtype=np.float64))


def _alike(shop: Shop, a: int, b: int) -> str:
    if shop.categories[a] == shop.categories[b] != 0:
        return "same_category"
    return "same_brand" if shop.brands[a] == shop.brands[b] != 0 else "same_attributes"
