"""Which of the scored products are offered: best first, not all of one kind."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from recommender.domain.score import Scored
from recommender.domain.shop import Shop

_SHARE = 0.6  # of the offers that may come from one category before others have had their turn


def choose(shop: Shop, scored: Sequence[Scored], k: int, *, diverse: bool) -> list[Scored]:
    """The k best, best first; of equals the one that came first.

    When `diverse`, a category that has its share waits until the others had their turn, and fills what is left.
    """
    ranked = sorted(scored, key=lambda s: -s.value)
    if not diverse:
        return ranked[:k]
    most = max(2, math.ceil(_SHARE * k))
    taken: Counter[str] = Counter()
    chosen: list[Scored] = []
    waiting: list[Scored] = []
    for each in ranked:
        category = shop.at(each.place).category
        if category and taken[category] >= most:
            waiting.append(each)
            continue
        taken[category] += 1
        chosen.append(each)
        if len(chosen) == k:
            break
    chosen += waiting[: k - len(chosen)]
    return sorted(chosen, key=lambda s: -s.value)
