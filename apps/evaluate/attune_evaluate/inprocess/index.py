"""An index of products that looks at every one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from recommender.domain.product import Key
from recommender.domain.shop import Allowed, Entry
from recommender.usecases.ports import Hit, Indexed, Vector

Values = NDArray[np.float64]


class _Shelf:
    """The products of one shop as columns; made when it is asked for first after a change."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.vectors = np.stack([entry.vector for entry in entries])
        self._columns: dict[int, int] = {}
        rows, columns, weights = [], [], []
        for row, entry in enumerate(entries):
            rows += [row] * len(entry.words.words)
            columns += [self._columns.setdefault(word, len(self._columns)) for word in entry.words.words.tolist()]
            weights += entry.words.weights.tolist()
        shape = (len(entries), max(len(self._columns), 1))
        self._words = csc_matrix((weights, (rows, columns)), shape=shape)
        having = np.diff(self._words.indptr)
        self._idfs: Values = np.log1p((len(entries) - having + 0.5) / (having + 0.5))

    def by_words(self, words: Mapping[int, float]) -> Values:
        """(entries,) the sum over common words of weights times idf."""
        known = [(self._columns[word], weight) for word, weight in words.items() if word in self._columns]
        if not known:
            return np.zeros(len(self.entries))
        columns = [column for column, _ in known]
        asked = np.array([weight for _, weight in known]) * self._idfs[columns]
        found: Values = self._words[:, columns] @ asked
        return found


class BruteForce:
    """A ProductIndex without an engine: exact, and of equal products the one that came first."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, Entry]] = {}
        self._shelves: dict[str, _Shelf] = {}

    async def upsert(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            tenant, product_id = entry.product.key
            self._held.setdefault(tenant, {})[product_id] = entry
            self._shelves.pop(tenant, None)

    async def delete(self, keys: Sequence[Key]) -> None:
        for tenant, product_id in keys:
            self._held.get(tenant, {}).pop(product_id, None)
            self._shelves.pop(tenant, None)

    async def nearest(self, tenant: str, vector: Vector, k: int, allowed: Allowed) -> list[Hit]:
        shelf = self._shelf(tenant)
        return [] if shelf is None else _best(shelf, shelf.vectors @ vector, k, allowed)

    async def by_words(self, tenant: str, words: Mapping[int, float], k: int, allowed: Allowed) -> list[Hit]:
        shelf = self._shelf(tenant)
        return [] if shelf is None else _best(shelf, shelf.by_words(words), k, allowed, above=0.0)

    async def stored(self) -> list[Indexed]:
        return [
            Indexed(entry.product.key, str(entry.position), entry.vector)
            for held in self._held.values()
            for entry in held.values()
        ]

    async def close(self) -> None:
        self._held, self._shelves = {}, {}

    def _shelf(self, tenant: str) -> _Shelf | None:
        held = self._held.get(tenant)
        if held and tenant not in self._shelves:
            self._shelves[tenant] = _Shelf(list(held.values()))
        return self._shelves[tenant] if held else None


def _best(shelf: _Shelf, scores: NDArray[np.floating], k: int, allowed: Allowed, above: float = -np.inf) -> list[Hit]:
    found: list[Hit] = []
    for row in _downwards(scores, k):
        if scores[row] <= above or len(found) == k:
            break
        product = shelf.entries[row].product
        if not allowed.why_not(product):
            found.append(Hit(product.key.product_id, float(scores[row])))
    return found


def _downwards(scores: NDArray[np.floating], k: int) -> Iterator[int]:
    """All rows, best first, of equals the first one; only as many are sorted at once as are likely to be looked at."""
    few = min(len(scores), 4 * k)
    cut = np.partition(scores, len(scores) - few)[len(scores) - few]
    for rows in (np.flatnonzero(scores >= cut), np.flatnonzero(scores < cut)):
        yield from rows[np.argsort(-scores[rows], kind="stable")].tolist()
