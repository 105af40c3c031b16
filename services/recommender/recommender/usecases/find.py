"""Which products a search looks at: near in meaning, or having its words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import numpy as np

from recommender.domain.allowed import Allowed
from recommender.domain.nearest import share
from recommender.domain.relevance import Query
from recommender.domain.ruling import Ruling
from recommender.domain.shop import Places, Shop
from recommender.usecases.candidates import Proposed
from recommender.usecases.ports import Found, ProductIndex

_EXACTLY = 2_000  # products that may be offered, up to which all are looked at: it costs what asking the index does
_EXACTLY_BY_TRAIT = 20_000  # likewise where the index cannot tell which ones may
_ABOUT = 2  # a sample may say twice as many as there are: where it says more, not all are counted
_RULED = 200  # places of each rule that are looked at
_MORE = 500  # at most so many more are asked of the index in place of those that may not be offered


class Find:
    """Proposes places for a query."""

    def __init__(self, index: ProductIndex) -> None:
        self._index = index

    async def __call__(self, shop: Shop, query: Query, allowed: Allowed, size: int, ruling: Ruling) -> Proposed:
        """At most `size` by meaning and as many by words, and what rules want to be looked at: what may be offered."""
        found = await self._look(shop, query, allowed, size)
        if not ruling:
            return found
        wanted = np.array(ruling.wanted(_RULED, new=_RULED), dtype=np.int64)
        wanted = wanted[allowed.fits(shop, wanted)]
        places = _distinct([*found.places.tolist(), *wanted.tolist()])
        return Proposed(places[ruling.permits(places)], {**found.named, "rule": set(wanted.tolist())})

    async def _look(self, shop: Shop, query: Query, allowed: Allowed, size: int) -> Proposed:
        if query.anything:
            return _popular(shop, allowed, size)
        most = _EXACTLY_BY_TRAIT if allowed.by_trait else _EXACTLY
        if allowed.narrow and share(shop, allowed) * len(shop.ids) <= _ABOUT * most:
            places = allowed.everywhere(shop)
            if len(places) <= most:
                return _best(shop, query, places, size)
        later = shop.newest.later(allowed.now) if allowed.now and not allowed.out_of_stock else 0
        more = min(len(allowed.excluded) + later + (_MORE if allowed.by_trait else 0), _MORE)
        hits: dict[str, Found] = {}
        if query.vector is not None and query.vector.any():
            hits["need"] = await self._index.nearest(shop, query.vector, size + more, allowed)
        if query.words:
            hits["words"] = await self._index.by_words(shop, shop.words.sought(query.words), size + more, allowed)
        # Looked at when nothing is waited for any more: products may have changed meanwhile.
        return _proposed({name: _fitting(shop, found, allowed, size) for name, found in hits.items()})


def _popular(shop: Shop, allowed: Allowed, size: int) -> Proposed:
    """Where nothing is left to search by: what sells, and then whatever there is."""
    top = shop.trend.top(size)
    popular = top[allowed.fits(shop, top)].tolist()
    rest = allowed.everywhere(shop)[:size].tolist()
    return Proposed(_distinct([*popular, *rest])[:size], {"trend": set(popular), "catalog": set(rest)})


def _best(shop: Shop, query: Query, places: Places, size: int) -> Proposed:
    named: dict[str, list[int]] = {}
    if query.vector is not None and query.vector.any():
        cosines = shop.vectors.cosines(places, query.vector)
        named["need"] = places[np.argsort(-cosines, kind="stable")[:size]].tolist()
    if query.words:
        scores = shop.words.match(query.words, places).scores
        best = np.argsort(-scores, kind="stable")[:size]
        named["words"] = places[best[scores[best] > 0]].tolist()
    return _proposed(named)


def _proposed(named: Mapping[str, Sequence[int]]) -> Proposed:
    return Proposed(_distinct(chain.from_iterable(named.values())), {name: set(at) for name, at in named.items()})


def _distinct(places: Iterable[int]) -> Places:
    found = dict.fromkeys(places)
    return np.fromiter(found, dtype=np.int64, count=len(found))


def _fitting(shop: Shop, hits: Found, allowed: Allowed, size: int) -> list[int]:
    found: list[int] = hits.places[allowed.fits(shop, hits.places)][:size].tolist()
    return found
