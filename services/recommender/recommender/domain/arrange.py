"""Which of the scored products are offered, and in which order, where a shop has rules."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from recommender.domain.choice import choose, share_of_one
from recommender.domain.ruling import Ruling
from recommender.domain.score import Scored, Scores
from recommender.domain.shop import Places, Shop

_POOL = 4  # times as many as are offered, among which different ones are looked for


def offered(shop: Shop, scores: Scores, k: int, ruling: Ruling, *, diverse: bool) -> list[Scored]:
    """At most k of the scored products, as rules will have it where there are some, else best first."""
    if not ruling:
        return choose(shop, scores, k, diverse=diverse)
    return scores.told(arrange(shop, scores, k, ruling, diverse=diverse))


def capped(shop: Shop, chosen: Sequence[Scored], ruling: Ruling) -> list[Scored]:
    """Without those that are too many of a brand in one reply: a page may hold what was arranged for several."""
    if not ruling:
        return list(chosen)
    room = _Room(shop, np.array([scored.place for scored in chosen], dtype=np.int64), ruling)
    return [scored for row, scored in enumerate(chosen) if room.take(row)]


def arrange(
    shop: Shop, scores: Scores, k: int, ruling: Ruling, *, diverse: bool, without: Collection[int] = ()
) -> list[int]:
    """Rows of at most k offers that no rule forbids, in their order; `without` those of the pages before.

    Pinned ones at their places, buried ones last, the others best first; of each brand as many as may be; places for
    new ones kept as long as there are such. A position beyond k pins nothing.
    """
    places, strength = scores.places, ruling.diversity
    buried = ruling.buried(places)
    order = np.lexsort((-scores.totals, buried))
    ranked = order[ruling.permits(places)[order]]
    ranked = _but(ranked, without)
    room = _Room(shop, places, ruling)
    pins = [(position, row) for position, row in _pins(ranked, ruling, places, k) if room.take(row)][:k]
    pinned = [row for _, row in pins]
    others = _but(ranked, pinned)
    if strength is not None:
        others = _different(shop, scores, others, pinned, k, strength)
    kept = room.keep(ruling, places, others[~buried[others]], pinned, k)
    share = share_of_one(k) if diverse and strength is None else k
    chosen = [*kept, *_fill(shop, places, room, others, kept, k - len(pins) - len(kept), share)]
    rank = np.empty(len(places), dtype=np.int64)
    rank[others] = np.arange(len(others))
    return _placed(sorted(chosen, key=lambda row: (buried[row], rank[row])), pins)


def _but(rows: Places, some: Collection[int]) -> Places:
    """The rows without some of them."""
    return rows[~np.isin(rows, list(some))] if some else rows


class _Room:
    """How many of each brand there still may be."""

    def __init__(self, shop: Shop, places: Places, ruling: Ruling) -> None:
        self._brands = shop.brands[places].tolist()
        self._caps = [(most, concerned.tolist()) for most, concerned in ruling.caps(places)]
        self._taken: list[Counter[int]] = [Counter() for _ in self._caps]

    def take(self, row: int) -> bool:
        """Whether there is room for one more; it is taken."""
        brand = self._brands[row]
        mine = [i for i, (_, concerned) in enumerate(self._caps) if brand and concerned[row]]
        if any(self._taken[i][brand] >= self._caps[i][0] for i in mine):
            return False
        for i in mine:
            self._taken[i][brand] += 1
        return True

    def keep(self, ruling: Ruling, places: Places, ranked: Places, pinned: Sequence[int], k: int) -> dict[int, None]:
        """The rows for which places are kept, because they are new."""
        kept: dict[int, None] = {}
        for share, new in ruling.quotas(places):
            wanted = math.ceil(share * k - 1e-9) - int(new[[*pinned, *kept]].sum())  # .3 · 10 is 3
            for row in ranked[new[ranked]].tolist():
                if wanted <= 0 or len(pinned) + len(kept) >= k:
                    break
                if row not in kept and self.take(row):
                    kept[row] = None
                    wanted -= 1
        return kept


def _pins(ranked: Places, ruling: Ruling, places: Places, k: int) -> list[tuple[int, int]]:
    """(position, row), lowest position first; one that several rules pin stands where the first one says."""
    found: dict[int, int] = {}
    for position, concerned in ruling.pinned(places):
        if position <= k and concerned.any():
            found |= {row: position for row in ranked[concerned[ranked]].tolist() if row not in found}
    return [(position, row) for row, position in found.items()]


def _fill(
    shop: Shop, places: Places, room: _Room, rows: Places, kept: Collection[int], free: int, share: int
) -> list[int]:
    """The first rows for which there is room, beside those kept.

    A category that has its share waits until others had their turn.
    """
    categories = shop.categories[places].tolist()
    taken = Counter(categories[row] for row in kept)
    chosen: list[int] = []
    waiting: list[int] = []
    for row in rows.tolist():
        if len(chosen) >= free:
            break
        if row in kept:
            continue
        if categories[row] and taken[categories[row]] >= share:
            waiting.append(row)
        elif room.take(row):
            taken[categories[row]] += 1
            chosen.append(row)
    for row in waiting:
        if len(chosen) >= free:
            break
        chosen += [row] if room.take(row) else []
    return chosen


def _different(shop: Shop, scores: Scores, rows: Places, chosen: Sequence[int], k: int, strength: float) -> Places:
    """Maximal marginal relevance: each next one has the most of (1 - strength)·score - strength·nearness to those
    before it; scores are stretched to [0, 1].
    """
    pool, rest = rows[: _POOL * k], rows[_POOL * k :]
    if len(pool) < 2:  # noqa: PLR2004 - one alone differs from nothing
        return rows
    places = scores.places
    vectors = shop.vectors.take(places[pool])
    totals = scores.totals[pool]
    span = float(np.ptp(totals))
    worth = (1 - strength) * ((totals - totals.min()) / span if span else np.zeros(len(pool)))
    near = np.zeros(len(pool))
    if chosen:
        near = np.maximum((vectors @ shop.vectors.take(places[chosen]).T).max(axis=1), 0.0).astype(np.float64)
    order: list[int] = []
    left = np.ones(len(pool), dtype=bool)
    for _ in range(len(pool)):
        best = int(np.argmax(np.where(left, worth - strength * near, -np.inf)))
        order.append(best)
        left[best] = False
        near = np.maximum(near, vectors @ vectors[best])
    return np.concatenate([pool[order], rest])


def _placed(others: Sequence[int], pins: Sequence[tuple[int, int]]) -> list[int]:
    placed, last = list(others), 0
    for position, row in pins:
        at = max(position - 1, last)
        placed.insert(at, row)
        last = at + 1
    return placed
