"""Where offers come from: need, words, graph, trend, text, what is new, and what rules want."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from recommender.domain.allowed import Allowed
from recommender.domain.kinship import of_any
from recommender.domain.ruling import Ruling
from recommender.domain.score import Wish
from recommender.domain.shop import Places, Shop
from recommender.usecases.ports import ProductIndex

_CATALOG = 2_000  # products that are looked at where the sources name too few
_SEEN_MORE = 200  # at most so many more are asked for in place of those that are not to be offered
_NEW = 14 * 24 * 60 * 60 * 1000  # milliseconds: for two weeks a product may be offered though nobody has met it


@dataclass(frozen=True, slots=True)
class Breadth:
    """How many products each source names, at least; twice as many as are asked for, where that is more.

    What more of any would find of the ten best: benchmarks/candidates.py.
    """

    need: int = 50
    words: int = 50
    graph: int = 100
    trend: int = 25
    fresh: int = 20
    new: int = 100  # of those for which a rule keeps places
    ruled: int = 500  # of those that a rule puts first, or offers alone
    heaviest: int = 16  # words of a need that are searched for; the rest are scored all the same


class Proposed:
    """Products that may be offered, in the order in which the sources named them first."""

    def __init__(self, places: Places, named: Mapping[str, Collection[int]]) -> None:
        self.places, self.named = places, named

    def sources(self, place: int) -> list[str]:
        """Who named it."""
        return [source for source, places in self.named.items() if place in places]


class Candidates:
    """Proposes places, each with the sources that did."""

    def __init__(self, index: ProductIndex, breadth: Breadth | None = None) -> None:
        self._index, self._breadth = index, breadth or Breadth()

    async def __call__(
        self,
        shop: Shop,
        wish: Wish,
        k: int,
        allowed: Allowed,
        without: Collection[int],
        ruling: Ruling,
        beside: Sequence[int] = (),
    ) -> Proposed:
        """Products that may be offered, are not `without`, and that no rule forbids.

        Nor could they be bought in place of what stands at `beside`.
        """
        breadth = self._breadth
        later = 0 if allowed.out_of_stock else shop.newest.later(ruling.now)
        more = min(len(without) + len(allowed.excluded) + later, _SEEN_MORE)
        named: dict[str, Iterable[int]] = {}
        if wish.vector is not None and wish.vector.any():
            hits = await self._index.nearest(shop, wish.vector, max(breadth.need, 2 * k) + more, allowed)
            named["need"] = hits.places.tolist()
        if wish.words:
            heaviest = shop.words.heaviest(wish.words, breadth.heaviest)
            hits = await self._index.by_words(shop, heaviest, max(breadth.words, 2 * k) + more, allowed)
            named["words"] = hits.places.tolist()
        if wish.around is not None:
            named["graph"] = wish.around.nearest(max(breadth.graph, 2 * k))
        named["trend"] = shop.trend.top(max(breadth.trend, 2 * k) + more).tolist()
        named["fresh"] = shop.newest.since(
            ruling.now - _NEW, max(breadth.fresh, k), None if allowed.out_of_stock else ruling.now
        )
        named["text"] = wish.mentioned
        if ruling:
            named["rule"] = ruling.wanted(breadth.ruled, new=breadth.new)
        found = _fitting(shop, named, allowed, without, ruling, beside)
        if len(found) < k:  # a shop without events, or a filter that few products pass
            named["catalog"] = _any(shop, allowed, without, ruling)
            found = _fitting(shop, named, allowed, without, ruling, beside)
        return Proposed(found, {source: set(places) for source, places in named.items()})


def _any(shop: Shop, allowed: Allowed, without: Collection[int], ruling: Ruling) -> list[int]:
    """Whatever may be offered, the first of them."""
    places = allowed.everywhere(shop)
    places = places[ruling.permits(places)] if ruling else places
    found: list[int] = places[: _CATALOG + len(without)].tolist()
    return found


def _fitting(
    shop: Shop,
    named: Mapping[str, Iterable[int]],
    allowed: Allowed,
    without: Collection[int],
    ruling: Ruling,
    beside: Sequence[int],
) -> Places:
    proposed = dict.fromkeys(chain(*named.values()))
    for place in without:
        proposed.pop(place, None)
    places = np.fromiter(proposed, dtype=np.int64, count=len(proposed))
    fine = allowed.fits(shop, places)
    places = ruling.permitted(places, fine) if ruling else places[fine]
    return places[~of_any(shop, beside, places)] if beside else places
