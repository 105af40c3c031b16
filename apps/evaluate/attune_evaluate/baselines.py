"""What everybody could do without Attune: what is popular, and what others bought beside the last products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from attune_evaluate.dataset import Act

Values = NDArray[np.float64]
_DECAY = 0.7  # per product back; the best of the usual ones on Amazon Beauty
LAST = 50  # products that are looked at: .7⁵⁰ is nothing


class Popularity:
    """How many people had to do with a product, by place."""

    def __init__(self, acts: Sequence[Act], places: Mapping[str, int]) -> None:
        self.counts: Values = np.zeros(len(places))
        met = {(act.user, act.product) for act in acts}
        np.add.at(self.counts, [places[product] for _, product in met if product in places], 1.0)


class ItemKnn:
    """Cosine of who had to do with two products, summed over a person's last ones, each counting `_DECAY` less."""

    def __init__(self, acts: Sequence[Act], places: Mapping[str, int]) -> None:
        people: dict[str, int] = {}
        met = {(people.setdefault(act.user, len(people)), places[act.product]) for act in acts}
        rows, columns = np.array(sorted(met), dtype=np.int64).reshape(-1, 2).T
        shape = (max(len(people), 1), len(places))
        who = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
        lengths = np.sqrt(np.maximum(np.asarray(who.sum(axis=0)).ravel(), 1.0))
        alike = (who.T @ who).tocoo()
        apart = alike.row != alike.col
        row, col = alike.row[apart], alike.col[apart]
        cosines = alike.data[apart] / (lengths[row] * lengths[col])
        self._alike = csr_matrix((cosines, (row, col)), shape=(len(places), len(places)))

    def scores(self, recent: Sequence[int]) -> Values:
        """(places,) of a person's last products, newest first."""
        last = list(recent[:LAST])
        weights = _DECAY ** np.arange(len(last))
        found: Values = weights @ self._alike[last] if last else np.zeros(self._alike.shape[1])
        return found
