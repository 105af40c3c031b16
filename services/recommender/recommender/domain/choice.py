"""Which of the scored products are offered: best first, not all of one kind."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from recommender.domain.score import Scored, Scores
from recommender.domain.shop import Shop

_SHARE = 0.6  # of the offers that may come from one category before others have had their turn


def choose(shop: Shop, scores: Scores, k: int, *, diverse: bool) -> list[Scored]:
    """The k best, best first; of equals the one that came first.

    When `diverse`, a category that has its share waits until the others had their turn, and fills what is left.
    """
    ranked: list[int] = np.argsort(-scores.totals, kind="stable").tolist()
    rows = _diverse(shop, scores, ranked, k) if diverse else ranked[:k]
    return scores.told(rows)


def share_of_one(k: int) -> int:
    """How many of k offers may be of one category before others have had their turn."""
    return max(2, math.ceil(_SHARE * k))


def _diverse(shop: Shop, scores: Scores, ranked: Sequence[int], k: int) -> list[int]:
    most = share_of_one(k)
    taken: Counter[int] = Counter()
    chosen: list[int] = []  # ranks
    waiting: list[int] = []
    categories = shop.categories[scores.places].tolist()
    for rank, row in enumerate(ranked):
        category = categories[row]
        if category and taken[category] >= most:
            waiting.append(rank)
            continue
        taken[category] += 1
        chosen.append(rank)
        if len(chosen) == k:
            break
    return [ranked[rank] for rank in sorted(chosen + waiting[: k - len(chosen)])]
