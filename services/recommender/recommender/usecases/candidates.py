"""Where offers come from: need, words, graph, trend and text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from recommender.domain.score import Wish
from recommender.domain.shop import Allowed, Shop
from recommender.usecases.ports import Hit, ProductIndex

DENSE, WORDS, GRAPH, TREND = 100, 50, 150, 50  # candidates per source: beyond, the score decides against them
_SEEN_MORE = 200  # at most so many more are asked for in place of those the person has dealt with
_HEAVIEST = 32  # words of a need that are searched for; the rest are scored all the same


class Candidates:
    """Proposes places, each with the sources that did."""

    def __init__(self, index: ProductIndex) -> None:
        self._index = index

    async def __call__(
        self, shop: Shop, wish: Wish, k: int, allowed: Allowed, without: Iterable[int]
    ) -> dict[int, list[str]]:
        """Products that may be offered and are not `without`."""
        barred = set(without)
        found: dict[int, list[str]] = {}
        more = min(len(barred), _SEEN_MORE)

        def propose(source: str, places: Iterable[int]) -> None:
            for place in places:
                if place in barred or source in found.get(place, ()):
                    continue
                entry = shop.entries[place]
                if entry is not None and not allowed.why_not(entry.product):
                    found.setdefault(place, []).append(source)

        if wish.vector is not None and wish.vector.any():
            hits = await self._index.nearest(shop.tenant, wish.vector, max(DENSE, 2 * k) + more, allowed)
            propose("need", _places(shop, hits))
        if wish.words:
            heaviest = dict(sorted(wish.words.items(), key=lambda item: -item[1])[:_HEAVIEST])
            hits = await self._index.by_words(shop.tenant, heaviest, max(WORDS, 2 * k) + more, allowed)
            propose("words", _places(shop, hits))
        if wish.around is not None:
            propose("graph", wish.around.nearest(max(GRAPH, 2 * k)))
        propose("trend", shop.trend.top(max(TREND, 2 * k) + more).tolist())
        propose("text", wish.mentioned)
        if len(found) < k:  # a shop without events, or a filter that few products pass
            propose("catalog", range(len(shop.ids)))
        return found


def _places(shop: Shop, hits: Sequence[Hit]) -> list[int]:
    return shop.known(hit.product_id for hit in hits)
