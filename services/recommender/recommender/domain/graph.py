"""G: what people did one after the other and together, and what the catalogue relates. In process, live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.domain.history import NEAR, Meeting

Places = NDArray[np.int64]
Values = NDArray[np.float64]
Stated = tuple[str, int, float]  # a relation of the catalogue: kind, the other place, weight in (0, 1]

CAP = 50  # neighbours of a product that are served: popular products have thousands, and the tail is noise
FADE = 0.9  # of a step's weight per product in between: of .5 to 1 the best on three shops (decision 0018)
_FINE = 64  # weights are so many parts of one: sums of such fractions are exact, in whatever order they are made
_READY = 50_000  # rows that are kept as arrays: 40 MB; another one takes 15 µs
_SHARED = 100_000  # counts of which one object serves all
_NOISE = 1e-9  # stated weights do not cancel out exactly
_MANY = 1_000  # neighbours from which on a row is changed, not made anew: of a million that takes a third of a second
_SHORT = 12  # neighbours up to which a list is sorted in less time than arrays
_STEPS = [round(FADE**gap * _FINE) / _FINE for gap in range(NEAR)]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """The strongest neighbours of one product."""

    places: Places  # (n,), n ≤ CAP
    counts: Values  # (n,), strongest first; of equals the lower place
    squares: float  # sum of those of the whole row and not of these alone

    def changed(self, target: int, before: float, total: float) -> Row | None:
        """The row after one count has changed; None: that cannot be told without all the others."""
        squares = self.squares - before * before + total * total
        places, counts = self.places, self.counts
        at = np.flatnonzero(places == target)
        if len(at):
            if total < before:
                return None
            counts = counts.copy()
            counts[at] = total
        elif total <= 0 or (len(places) == CAP and (-counts[-1], places[-1]) < (-total, target)):
            return Row(places, counts, squares)
        else:
            places, counts = np.append(places, target), np.append(counts, total)
        best = np.lexsort((places, -counts))[:CAP]
        return Row(places[best], counts[best], squares)


_NOTHING = Row(np.zeros(0, dtype=np.int64), np.zeros(0), 0.0)


class Leaving(NamedTuple):
    """Edges of one kind that leave some places."""

    which: Places  # of the places each one leaves, (n,), ascending
    places: Places  # where it leads, (n,)
    values: Values  # (n,)

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Leaving:
        """Those of some rows, with the counts."""
        which = np.arange(len(rows)).repeat([len(row.places) for row in rows])
        places = np.concatenate([_NOTHING.places, *(row.places for row in rows)])
        return cls(which, places, np.concatenate([_NOTHING.counts, *(row.counts for row in rows)]))


class Edges:
    """Counts between places, and their strongest as arrays.

    Invariant: a row is a function of the counts alone, so that a graph that was rebuilt answers as the one before.
    """

    def __init__(self) -> None:
        self._counts: dict[int, dict[int, float]] = {}
        self._rows: dict[int, Row] = {}  # the last that were asked for, dropped when a count changes
        # One object for all equal places, and one for all equal counts, of which there are few: half of the memory.
        self._places: list[int] = []
        self._values: dict[float, float] = {}

    @property
    def size(self) -> int:
        """How many edges there are."""
        return sum(map(len, self._counts.values()))

    def add(self, source: int, target: int, weight: float) -> None:
        """Count once more, or less; a count of 0 is no edge.

        Less than 0 is kept: replicas hear of two changes in either order, and the other half is on its way.
        """
        counts = self._counts.get(source)
        if counts is None:
            counts = self._counts[source] = {}
        before = counts.get(target)
        total = weight if before is None else before + weight
        if abs(total) <= _NOISE:
            counts.pop(target, None)
            total = 0.0
        elif before is None:
            counts[self._place(target)] = self._value(total)
        else:
            counts[target] = self._value(total)
        row = self._rows.pop(source, None)
        if row is not None and len(counts) > _MANY and (new := row.changed(target, before or 0.0, total)) is not None:
            self._rows[source] = new

    def row(self, source: int) -> Row:
        """The neighbours of a place."""
        row = self._rows.get(source)
        if row is None:
            if len(self._rows) >= _READY:
                del self._rows[next(iter(self._rows))]
            row = self._rows[source] = self._make(source)
        return row

    def rows(self, sources: Sequence[int]) -> list[Row]:
        """The neighbours of each of some places."""
        rows = self._rows
        return [rows.get(source) or self.row(source) for source in sources]

    def between(self, source: int, target: int) -> float:
        """The count from one place to another."""
        return self._counts.get(source, {}).get(target, 0.0)

    def _place(self, place: int) -> int:
        while place >= len(self._places):
            self._places.append(len(self._places))
        return self._places[place]

    def _value(self, value: float) -> float:
        if len(self._values) > _SHARED:
            self._values.clear()
        return self._values.setdefault(value, value)

    def _make(self, source: int) -> Row:
        counts = self._counts.get(source)
        if not counts:
            return _NOTHING
        if len(counts) <= _SHORT:
            return _short(counts)
        places = np.fromiter(counts, dtype=np.int64, count=len(counts))
        values = np.fromiter(counts.values(), dtype=np.float64, count=len(counts))
        least = 0.0 if len(values) <= CAP else max(0.0, float(np.partition(values, -CAP)[-CAP]))
        some = np.flatnonzero((values >= least) & (values > 0))
        best = some[np.lexsort((places[some], -values[some]))][:CAP]
        return Row(places[best], values[best], float(values @ values))


def _short(counts: Mapping[int, float]) -> Row:
    """The row of a product with few neighbours."""
    best = sorted((-count, place) for place, count in counts.items() if count > 0)
    places = np.array([place for _, place in best], dtype=np.int64)
    strengths = np.array([-strength for strength, _ in best], dtype=np.float64)
    return Row(places, strengths, sum(count * count for count in counts.values()))


class Graph:
    """All edges of one shop.

    `degrees[place]` is how many people wanted a product, `met[place]` how many had to do with it at all; the last ones
    are of no product, and read for those beyond.
    """

    def __init__(self) -> None:
        self.transitions, self.together = Edges(), Edges()
        self.links: dict[str, Edges] = {}  # kind → edges, both ways
        self.degrees: Values = np.zeros(1024)
        self.met: Values = np.zeros(1024)
        self._stated: dict[int, Sequence[Stated]] = {}

    def learn(self, meetings: Iterable[Meeting]) -> None:
        """Add what people did, or take out what a negative sign says."""
        for place, before, wished, first, first_wish, sign in meetings:
            if place >= len(self.met) - 1:
                self._grow(place)
            for gap, source in enumerate(before):
                self.transitions.add(source, place, sign * _STEPS[gap])
            for other in wished:
                self.together.add(other, place, sign)
                self.together.add(place, other, sign)
            if first:
                self.met[place] += sign
            if first_wish:
                self.degrees[place] += sign

    def state(self, place: int, links: Sequence[Stated]) -> None:
        """What the catalogue relates a product to, in place of what it said before."""
        for sign, stated in ((-1.0, self._stated.get(place, ())), (1.0, links)):
            for kind, other, weight in stated:
                edges = self.links.setdefault(kind, Edges())
                edges.add(place, other, sign * weight)
                edges.add(other, place, sign * weight)
        self._stated[place] = links

    def stated(self, place: int) -> Sequence[Stated]:
        """What the catalogue relates a product to."""
        return self._stated.get(place, ())

    def related(self, sources: Sequence[int]) -> Mapping[str, Leaving]:
        """Kind → the strongest neighbours of some products, with values in [0, 1]; kinds without any are left out.

        `transition`: t_ab / ‖t_a‖. `co_occurrence`: c_ab / (d_a + d_b - c_ab), of those who wanted either the share
        that wanted both; better than the cosine on three shops (decision 0018). Links count as the catalogue says.
        """
        found = {}
        rows = self.transitions.rows(sources)
        which, places, counts = Leaving.of(rows)
        if len(places):
            lengths = np.sqrt([row.squares for row in rows])  # Euclidean, each of a whole row
            found["transition"] = Leaving(which, places, counts / lengths[which])
        which, places, counts = Leaving.of(self.together.rows(sources))
        if len(places):
            own = np.maximum(self.degrees[np.minimum(sources, len(self.degrees) - 1)], 1.0)
            either = own[which] + self.degrees[places] - counts
            found["co_occurrence"] = Leaving(which, places, np.minimum(counts / np.maximum(either, 1.0), 1.0))
        for kind, edges in self.links.items():
            which, places, counts = Leaving.of(edges.rows(sources))
            if len(places):
                found[kind] = Leaving(which, places, np.minimum(counts, 1.0))
        return found

    def centrality(self, places: Places) -> Values:
        """Static centrality of the article's base case: the share of the best-known product's people, in [0, 1]."""
        most = float(self.met.max(initial=0.0))
        inside = places < len(self.met)
        return np.where(inside, self.met[np.where(inside, places, 0)] / max(most, 1.0), 0.0)

    def _grow(self, place: int) -> None:
        room = np.zeros(max(place + 2, 2 * len(self.met)) - len(self.met))
        self.met, self.degrees = np.concatenate([self.met, room]), np.concatenate([self.degrees, room])
