"""The strongest categories and brands of what has left the ring, a few places per person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from needs.domain.identity import Names
from needs.domain.weights import Weights

Places = NDArray[np.int64]
_MOST = np.iinfo(np.uint16).max


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """Fixed places per person, (people, places) each; changed in place.

    Invariants: a name stands at most once in a row; a place without a name has weight and count 0.
    """

    names: Names
    weights: NDArray[np.float32]
    counts: NDArray[np.uint16]

    def add(self, people: Places, names: Names, weights: Weights) -> None:
        """Count each name, none of which is 0, once for its person, with its weight.

        Where no place is free the weakest name makes room: what is met again and again outlives what was met once.
        """
        if not len(names):
            return
        people, names, weights, counts = _summed(people, names, weights)
        hit = self.names[people] == names[:, None]
        held = hit.any(axis=1)
        self._raise(people[held], hit[held].argmax(axis=1), weights[held], counts[held])
        people, names, weights, counts = people[~held], names[~held], weights[~held], counts[~held]
        for round_ in _rounds(people):  # newcomers of one person take their places one after the other
            at, place = people[round_], self.weights[people[round_]].argmin(axis=1)
            self.names[at, place] = names[round_]
            self.weights[at, place] = weights[round_]
            self.counts[at, place] = np.minimum(counts[round_], _MOST)

    def _raise(self, people: Places, places: Places, weights: Weights, counts: Places) -> None:
        self.weights[people, places] += weights.astype(np.float32)
        self.counts[people, places] = np.minimum(self.counts[people, places].astype(np.int64) + counts, _MOST)


def _summed(people: Places, names: Names, weights: Weights) -> tuple[Places, Names, Weights, Places]:
    """One entry per (person, name): weights added up, entries counted."""
    if len(people) == 1:
        return people, names, weights, np.ones(1, dtype=np.int64)
    order = np.lexsort((names, people))
    people, names, weights = people[order], names[order], weights[order]
    first = np.ones(len(people), dtype=bool)
    first[1:] = (people[1:] != people[:-1]) | (names[1:] != names[:-1])
    starts = np.flatnonzero(first)
    if not len(starts):
        return people, names, weights, starts
    counts = np.diff(np.append(starts, len(people)))
    return people[starts], names[starts], np.add.reduceat(weights, starts), counts


def _rounds(people: Places) -> list[Places]:
    """Places of sorted `people`, dealt so that nobody stands twice in one round."""
    if not len(people):
        return []
    starts = np.flatnonzero(np.append(True, people[1:] != people[:-1]))
    rank = np.arange(len(people)) - np.repeat(starts, np.diff(np.append(starts, len(people))))
    ends = np.cumsum(np.bincount(rank))
    return np.split(np.argsort(rank, kind="stable"), ends[:-1])
