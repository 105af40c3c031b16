"""f(u,p) = sim(r_u, e_p) + λ·rel(p, G), with every addend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recommender.domain.around import OVERLAP, SHARES, STATED, Around
from recommender.domain.shop import Matrix, Places, Shop
from recommender.domain.sought import NOTHING, Sought

Values = NDArray[np.float64]
Vector = NDArray[np.float32]
Column = tuple[str, Values, float]

LAST = 5  # products of which the nearest one counts as measured on Amazon Beauty


class Mode(Enum):
    """How f is made."""

    ARTICLE = "article"  # cosine with the plain mean, static centrality
    CONDITIONED = "conditioned"  # the shipped default


@dataclass(frozen=True, slots=True)
class Weights:
    """Coefficients; measurements on Amazon Beauty gave their proportions."""

    balance: float = 1.0  # λ
    dense: float = 0.1
    recent: float = 0.1
    words: float = 0.6
    trend: float = 0.02  # decides between equals, and for those of whom nothing is known
    text: float = 0.1  # what a written recommendation speaks of
    leaning: float = 0.1  # of a searcher's need: it orders what fits, it does not replace what was asked
    learned: Mapping[str, float] = field(default_factory=dict)  # name of a term → coefficient in place of the shipped
    factors: Mapping[str, float] = field(default_factory=dict)  # name of a term → how many times it counts here


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """What is looked for: of a person, of a product, or of words."""

    vector: Vector | None = None  # r_u, unit length, (dim,)
    words: Sought = NOTHING
    around: Around | None = None  # what lies near the last products
    mentioned: Mapping[int, float] = field(default_factory=dict)  # place → how surely a text speaks of it
    leaning: Vector | None = None  # r_u of who searches, (dim,)

    @property
    def seeds(self) -> Sequence[int]:
        """Places of the last products, newest first."""
        return () if self.around is None else self.around.seeds


class Term(NamedTuple):
    """One addend."""

    name: str
    value: float
    weight: float

    @property
    def contribution(self) -> float:
        return self.value * self.weight


class Scored(NamedTuple):
    """A place with its score; `value` is the sum of the terms' contributions in their order, bit for bit."""

    place: int
    terms: tuple[Term, ...]

    @property
    def value(self) -> float:
        total = 0.0
        for term in self.terms:
            total += term.contribution
        return total


class Scores:
    """f of many places at once; addends are spelt out for those that are offered.

    Invariant: `totals[i] == at(i).value`, bit for bit: both add the same products in the same order.
    """

    def __init__(self, places: Sequence[int] | Places, columns: Sequence[Column]) -> None:
        self.places: Places = np.asarray(places, dtype=np.int64)
        self._columns = [column for column in columns if column[2]]  # the others have no say
        self.totals: Values = np.zeros(len(places))
        for _, values, weight in self._columns:
            self.totals = self.totals + values * weight

    @property
    def columns(self) -> Sequence[tuple[str, Values, float]]:
        """Name, value of each place and coefficient of every addend."""
        return self._columns

    def at(self, row: int) -> Scored:
        """One place with its addends."""
        return self.told([row])[0]

    def told(self, rows: Sequence[int]) -> list[Scored]:
        """Some places with their addends, in the order of the rows."""
        names = [name for name, _, _ in self._columns]
        weights = [weight for _, _, weight in self._columns]
        values = zip(*(column[rows].tolist() for _, column, _ in self._columns), strict=True)
        terms = [tuple(map(Term, names, each, weights)) for each in values] if names else [()] * len(rows)
        return list(map(Scored, self.places[rows].tolist(), terms))


def score(
    shop: Shop,
    wish: Wish,
    places: Sequence[int] | Places,
    weights: Weights,
    mode: Mode,
    boosts: Values | None = None,
) -> Scores:
    """F of each place, in the order of `places`; `boosts`: what rules add, a term of its own."""
    more: list[Column] = [] if boosts is None else [("rule.boost", boosts, 1.0)]
    at: Places = np.asarray(places, dtype=np.int64)
    if mode is Mode.ARTICLE:
        return Scores(at, [*_article(shop, wish, at, weights), *more])
    return Scores(at, [*_with(weights, _conditioned(shop, wish, at, weights)), *more])


def coefficients(weights: Weights) -> dict[str, float]:
    """Name of each term → its coefficient."""
    nobody = Wish(leaning=np.zeros(1, dtype=np.float32))
    columns = _with(weights, _conditioned(Shop("", 1), nobody, np.zeros(0, dtype=np.int64), weights))
    return {name: weight for name, _, weight in columns}


def _with(weights: Weights, columns: list[Column]) -> list[Column]:
    """The columns with the coefficients that were learned, as they count here."""
    learned, factors = weights.learned, weights.factors
    if not learned and not factors:
        return columns
    return [
        (name, values, (learned.get(name, weight) if weight or values.any() else weight) * factors.get(name, 1.0))
        for name, values, weight in columns
    ]


def _article(shop: Shop, wish: Wish, at: Places, weights: Weights) -> list[Column]:
    return [
        ("sim.dense", _cosines(shop.vectors.take(at), wish.vector), 1.0),
        ("rel.centrality", shop.graph.centrality(at), weights.balance),
    ]


def _conditioned(shop: Shop, wish: Wish, at: Places, weights: Weights) -> list[Column]:
    vectors = shop.vectors.take(at)
    around = wish.around or Around(shop, ())
    graph = around.parts(at)
    balance = weights.balance
    return [
        ("sim.dense", _cosines(vectors, wish.vector), weights.dense),
        ("sim.recent", _nearest(vectors, shop.vectors.take(wish.seeds[:LAST])), weights.recent),
        ("sim.words", shop.words.cosines(wish.words, at), weights.words),
        ("rel.transition", graph["transition"], balance * SHARES["transition"]),
        ("rel.co_occurrence", graph["co_occurrence"], balance * SHARES["co_occurrence"]),
        ("rel.catalog", graph["catalog"], balance * STATED),
        ("rel.attributes", around.overlap(at), balance * OVERLAP),
        ("trend", shop.trend.values(at), weights.trend),
        ("text", _mentioned(wish, at), weights.text),
        ("sim.need", _cosines(vectors, wish.leaning), weights.leaning if wish.leaning is not None else 0.0),
    ]


def _cosines(vectors: Matrix, vector: Vector | None) -> Values:
    if vector is None:
        return np.zeros(len(vectors))
    return (vectors @ vector).astype(np.float64)


def _nearest(vectors: Matrix, last: Matrix) -> Values:
    """Max over the last products of their cosine with p."""
    if not len(last) or not len(vectors):
        return np.zeros(len(vectors))
    nearest: Values = (vectors @ last.T).max(axis=1).astype(np.float64)
    return nearest


def _mentioned(wish: Wish, at: Places) -> Values:
    if not wish.mentioned:
        return np.zeros(len(at))
    return np.array([wish.mentioned.get(place, 0.0) for place in at.tolist()])
