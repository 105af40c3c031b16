"""How much a behaviour counts: by what was done, how long ago, and what was done since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]
Times = NDArray[np.int64]  # milliseconds since 1970
Kinds = NDArray[np.uint8]
_MILLISECOND = timedelta(milliseconds=1)
MIDDLE = 3.0  # stars that say neither yes nor no


class Kind(IntEnum):
    """What was done; the numbers of the contract, and 0, which it has not, for a question about a product."""

    ASKED = 0
    VIEW = 1
    CLICK = 2
    ADD_TO_CART = 3
    REMOVE_FROM_CART = 4
    PURCHASE = 5
    LIKE = 6
    DISLIKE = 7
    RATE = 8
    REVIEW = 9
    IMPRESSION = 10
    RETURN = 11
    IDENTIFY = 12  # says who someone is; no behaviour towards a product


class TextKind(IntEnum):
    """Why words were given."""

    SEARCH = 1
    QUESTION = 2
    REVIEW = 3


KINDS = 16  # places of an array indexed by kind, with room for kinds to come


@dataclass(frozen=True, slots=True)
class KindWeights:
    """Weight of each kind of behaviour. A rating counts by its stars (rating - 3, in [-2, 2]) whatever its kind.

    A view counts by how long the product was looked at, where the event tells it: less than `short_look` is a page that
    was opened and left, `long_look` and more is what was read to its end.
    """

    view: float = 0.2
    glance: float = 0.0  # a view shorter than short_look: neither yes nor no
    long_view: float = 0.5  # a view of long_look and more: as much as a click
    click: float = 0.5
    add_to_cart: float = 1.0
    remove_from_cart: float = -0.5
    purchase: float = 2.0
    like: float = 1.5
    dislike: float = -1.5
    # The least that takes a purchase back at once: 2 · 2^(-1.3 / 2) < 1.3, since the return makes the purchase older.
    # More drives away from products like it, which are bought all the same (benchmarks/needs_weights.txt).
    returned: float = -1.3
    asked: float = 0.5  # a question about the product, besides its words
    review: float = 0.5  # without stars: whoever writes has used it
    search: float = 1.0
    question: float = 0.5
    review_text: float = 0.25  # the words of a review, with the sign of its stars
    short_look: timedelta = timedelta(seconds=3)
    long_look: timedelta = timedelta(seconds=60)

    def of(self, kinds: Kinds, ratings: Weights, looks: Times | None = None) -> Weights:
        """One weight per behaviour; `ratings` holds stars, nan without; `looks` milliseconds of a view, 0 unknown."""
        starred = ~np.isnan(ratings) & ((kinds == Kind.RATE) | (kinds == Kind.REVIEW))
        weights = np.where(starred, ratings - MIDDLE, _table(self)[kinds])
        return weights if looks is None or not looks.any() else self._looked(weights, kinds, looks)

    def _looked(self, weights: Weights, kinds: Kinds, looks: Times) -> Weights:
        told = (kinds == Kind.VIEW) & (looks > 0)
        short, long = (look / _MILLISECOND for look in (self.short_look, self.long_look))
        return np.select([told & (looks < short), told & (looks >= long)], [self.glance, self.long_view], weights)

    def of_text(self, kind: TextKind, rating: float | None = None) -> float:
        """The weight of words."""
        if kind is TextKind.REVIEW:
            return -self.review_text if rating is not None and rating < MIDDLE else self.review_text
        return self.search if kind is TextKind.SEARCH else self.question


@cache
def _table(weights: KindWeights) -> Weights:
    """(KINDS,) the weight of each kind, without stars."""
    table = np.zeros(KINDS)
    for kind in Kind:
        table[kind] = getattr(weights, kind.name.lower(), 0.0)  # rate: by its stars alone; impression: not a behaviour
    table[Kind.RETURN] = weights.returned
    return table


@dataclass(frozen=True, slots=True)
class Recency:
    """How a behaviour fades: with time, and with every newer moment as much as that one weighs.

    A moment is what was done at one time, such as the lines of an order: they are one act of attention, and none of
    them makes another one old. It weighs as much as the first of them.

    Fading by time: on Online Retail (benchmarks/needs_weights.py) NDCG@10 of what is new in the next order is .0365
    at a half-life of 1 day, .0397 at 7, .0403 at 30, .0386 without it.
    Fading by what came since is what finds the next product: on Amazon Beauty (benchmarks/needs_recency.py) NDCG@10 is
    .0197 without it, .0265 when each purchase leaves .8 of what came before, .0361 at .5, .0385 at .3. There, people
    only buy; .5 keeps more of a memory for those who look around too.
    """

    half_life: timedelta = timedelta(days=7)
    half_attention: float = 2.0  # sum of newer |weights| that halves: one purchase, or ten views
    visit_gap: timedelta = timedelta(minutes=30)  # a longer pause begins another visit, as web statistics count them

    @property
    def longest_pause(self) -> float:
        """Milliseconds between two behaviours of one visit at most."""
        return self.visit_gap / _MILLISECOND

    def by_time(self, age: Times) -> Weights:
        """In (0, 1]; `age` in milliseconds, not negative."""
        return np.exp2(-(age / (self.half_life / _MILLISECOND)))

    def by_attention(self, newer: Weights) -> Weights:
        """In (0, 1]; `newer` is the sum of the |weights| of all newer moments."""
        return np.exp2(-newer / self.half_attention)


def moments(times: Times, weights: Weights) -> tuple[Weights, Weights]:
    """Of behaviours, newest first: (n,) the sum of the |weights| of all newer moments, and (n,) what each adds to it.

    Only the first of a moment, which is the last one here, adds anything.
    """
    heavy = np.abs(weights)
    apart = times[:-1] != times[1:]
    if apart.all():
        return heavy.cumsum() - heavy, heavy
    opens = np.append(apart, True)
    added = np.where(opens, heavy, 0.0)
    ends = np.flatnonzero(opens)
    heavier = added[ends]
    newer = np.cumsum(heavier) - heavier
    return np.repeat(newer, np.diff(ends, prepend=-1)), added
