"""An index of products that looks at every one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from recommender.domain.product import Key
from recommender.domain.shop import Allowed, Entry, Shop
from recommender.domain.words import Bag
from recommender.usecases.ports import Hit, Indexed, Vector
from recommender.usecases.world import World

Values = NDArray[np.float64]


class _Words:
    """The words of all products of a shop as columns."""

    def __init__(self, bags: Mapping[str, Bag]) -> None:
        self.ids = list(bags)
        self._columns: dict[int, int] = {}
        rows, columns, weights = [], [], []
        for row, bag in enumerate(bags.values()):
            rows += [row] * len(bag.words)
            columns += [self._columns.setdefault(word, len(self._columns)) for word in bag.words.tolist()]
            weights += bag.weights.tolist()
        self._words = csc_matrix((weights, (rows, columns)), shape=(len(bags), max(len(self._columns), 1)))
        having = np.diff(self._words.indptr)
        self._idfs: Values = np.log1p((len(bags) - having + 0.5) / (having + 0.5))

    def scores(self, words: Mapping[int, float]) -> Values:
        """(products,) the sum over common words of weights times idf."""
        known = [(self._columns[word], weight) for word, weight in words.items() if word in self._columns]
        if not known:
            return np.zeros(len(self.ids))
        columns = [column for column, _ in known]
        found: Values = self._words[:, columns] @ (np.array([weight for _, weight in known]) * self._idfs[columns])
        return found


class BruteForce:
    """A ProductIndex without an engine: exact, and of equal products the one that came first.

    Vectors and what may be offered are read from the world, which holds them anyway.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._bags: dict[str, dict[str, Bag]] = {}
        self._words: dict[str, _Words] = {}  # by tenant; made when asked for, dropped when a product comes or goes

    async def upsert(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            tenant, product_id = entry.product.key
            self._bags.setdefault(tenant, {})[product_id] = entry.words
            self._words.pop(tenant, None)

    async def delete(self, keys: Sequence[Key]) -> None:
        for tenant, product_id in keys:
            self._bags.get(tenant, {}).pop(product_id, None)
            self._words.pop(tenant, None)

    async def nearest(self, tenant: str, vector: Vector, k: int, allowed: Allowed) -> list[Hit]:
        shop = self._world.look(tenant)
        places = shop.all()
        return _best(shop, places, shop.vectors.cosines(places, vector), k, allowed)

    async def by_words(self, tenant: str, words: Mapping[int, float], k: int, allowed: Allowed) -> list[Hit]:
        if not self._bags.get(tenant):
            return []
        if tenant not in self._words:
            self._words[tenant] = _Words(self._bags[tenant])
        table, shop = self._words[tenant], self._world.look(tenant)
        scores = table.scores(words)
        some = np.flatnonzero(scores > 0)
        places = np.array([shop.places[table.ids[row]] for row in some.tolist()], dtype=np.int64)
        return _best(shop, places, scores[some], k, allowed)

    async def stored(self) -> list[Indexed]:
        """None: nobody starts anew from here."""
        return []

    async def close(self) -> None:
        self._bags, self._words = {}, {}


def _best(shop: Shop, places: NDArray[np.int64], scores: NDArray[np.floating], k: int, allowed: Allowed) -> list[Hit]:
    fitting = allowed.fits(shop, places)
    places, scores = places[fitting], scores[fitting]
    return [Hit(shop.ids[places[row]], float(scores[row])) for row in _first(scores, k)]


def _first(scores: NDArray[np.floating], k: int) -> Iterator[int]:
    """Rows of the k best, best first, of equals the first one."""
    if not len(scores):
        return
    few = min(len(scores), k)
    rows = np.flatnonzero(scores >= np.partition(scores, len(scores) - few)[len(scores) - few])
    yield from rows[np.argsort(-scores[rows], kind="stable")][:k].tolist()
