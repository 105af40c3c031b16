"""rel(p, G): what the graph says of products around the person's last ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.domain.shop import Shop

Values = NDArray[np.float64]
Places = NDArray[np.int64]

SEED_DECAY = 0.7  # per rank of the person's last products (science: the best of the transition and co-occurrence rows)
SHARES = {"transition": 1.0, "co_occurrence": 0.5}  # inner coefficients of rel (science, the best row)
STATED = 0.5  # of a link the catalogue states: sure, but not about this person
OVERLAP = 0.1  # of shared category, brand and attributes (science: 0.1 attributes)


@dataclass(frozen=True, slots=True)
class Step:
    """One edge from a product of the person to another one."""

    source: int
    target: int
    kind: str
    weight: float  # what it adds to rel(p, G)


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    source: int
    kind: str
    places: Places
    values: Values  # decayed, before the inner coefficient


class Around:
    """The edges that leave the last products, newest first; read once per request."""

    def __init__(self, shop: Shop, seeds: Sequence[int]) -> None:
        self._shop, self.seeds = shop, seeds
        weights = decays(len(seeds))
        self._portions = weights / weights.sum() if len(seeds) else weights
        self._rows = [
            _Row(seed, kind, places, decay * values)
            for seed, decay in zip(seeds, weights.tolist(), strict=True)
            for kind, (places, values) in shop.graph.related(seed).items()
        ]

    def parts(self) -> dict[str, Values]:
        """The graph's parts of rel for every place, before their inner coefficients; (places,) each."""
        size = len(self._shop.ids)
        found = {"transition": np.zeros(size), "co_occurrence": np.zeros(size), "catalog": np.zeros(size)}
        for row in self._rows:
            found[row.kind if row.kind in found else "catalog"][row.places] += row.values  # a row holds a place once
        return found

    def nearest(self, k: int) -> list[int]:
        """The k places of the largest sum of the parts, best first; those without any are left out."""
        if not self._rows:
            return []
        parts = self.parts()
        total = np.zeros(len(self._shop.ids))
        for kind, values in parts.items():
            total += SHARES.get(kind, STATED) * values
        some = np.flatnonzero(total)
        best: list[int] = some[np.argsort(-total[some], kind="stable")][:k].tolist()
        return best

    def overlap(self, places: Sequence[int]) -> Values:
        """How much each place has in common with the last products, in [0, 1]."""
        if not self.seeds:
            return np.zeros(len(places))
        return self._shop.overlap(places, self.seeds, self._portions)

    def steps_to(self, place: int) -> list[Step]:
        """The edges behind rel(p, G), strongest first: their weights add up to it, before λ."""
        found = [
            Step(row.source, place, row.kind, SHARES.get(row.kind, STATED) * float(value))
            for row in self._rows
            for value in row.values[row.places == place]
        ]
        shares = OVERLAP * self._portions * self._shop.alike(place, self.seeds)
        for seed, share in zip(self.seeds, shares.tolist(), strict=True):
            if share:
                found.append(Step(seed, place, _alike(self._shop, seed, place), share))
        return sorted(found, key=lambda step: -step.weight)


def decays(n: int) -> Values:
    """Weights of the n last products, newest first; (n,)."""
    return np.power(SEED_DECAY, np.arange(n, dtype=np.float64))


def _alike(shop: Shop, a: int, b: int) -> str:
    if shop.categories[a] == shop.categories[b] != 0:
        return "same_category"
    return "same_brand" if shop.brands[a] == shop.brands[b] != 0 else "same_attributes"
