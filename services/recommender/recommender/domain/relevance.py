"""How well products answer to what was searched for: words where the catalogue has them, else meaning."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recommender.domain.ruling import Ruling
from recommender.domain.score import Scores, Vector
from recommender.domain.shop import Places, Shop

Values = NDArray[np.float64]

# Measured by `attune evaluate search` on Chinese titles and on needs in plain English, one set for both.
WORDS = 5.0  # of words against meaning, where a name covers what was asked
BORROWED = 0.9  # less of that trust for words that were translated: one of several names of a thing is a guess
COVERED, STEEP = 0.3, 0.03  # share of the asked idf in the best name at which words count half, and how soon
NAMED = 0.1  # of the share of named brands, categories and quantities that a product has
LEANING = 0.1  # of a searcher's need: it orders what fits alike, and replaces nothing that was asked
TREND = 0.01  # between equals
NEAR = 0.2  # cosine from which meaning speaks for a product: two unrelated texts reach .1 to .2


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """One thing that the words name: any of these."""

    brands: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    traits: Sequence[int] = ()  # numbers

    def flags(self, shop: Shop, places: Places) -> NDArray[np.bool_]:
        """Which of the places are it."""
        facts = shop.facts
        met: NDArray[np.bool_] = facts.brands.chosen(self.brands)[facts.columns.brand[places]]
        met = met | facts.categories.chosen(self.categories)[facts.columns.category[places]]
        return met | shop.having_any(places, self.traits) if self.traits else met


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """What is searched for."""

    vector: Vector | None = None  # unit length, (dim,)
    words: Mapping[int, float] = field(default_factory=dict)  # 32-bit name → weight
    borrowed: float = 0.0  # share of what words weigh that is in the other language
    phrased: float = 0.0  # share of the words that only join others: a sentence names its product less than a list does
    leaning: Vector | None = None  # r_u of who searches, (dim,)
    named: Sequence[Named] = ()
    anything: bool = False  # nothing is asked for but conditions


def trust(covered: float, phrased: float) -> float:
    """How much words count beside meaning's 1, in [0, WORDS].

    `covered`: the largest share of the asked idf that one product's name has.
    """
    return WORDS / (1.0 + math.exp(min((COVERED - covered * (1.0 - phrased) ** 2) / STEEP, 50.0)))


@dataclass(frozen=True, slots=True, eq=False)
class Relevance:
    """The places for which words or meaning speak at all, with their scores: the nearest of all is not always near."""

    scores: Scores
    covered: float  # what decided how much words count


def relevance(
    shop: Shop, query: Query, places: Sequence[int], ruling: Ruling, covered: float | None = None
) -> Relevance:
    """How well places answer; `covered`: of those before, so that more places are scored alike."""
    at = np.asarray(places, dtype=np.int64)
    match = shop.words.match(query.words, at)
    if covered is None:
        covered = float(match.covered.max(initial=0.0))
    weight = trust(covered, query.phrased) * (1.0 - BORROWED * query.borrowed)
    share = 1.0 if query.vector is None else weight / (1.0 + weight)
    meant = _cosines(shop, at, query.vector)
    named = [named.flags(shop, at) for named in query.named]
    boosts = ruling.boosts(at) if ruling else None
    columns = [
        ("sim.words", match.scores, share),
        ("sim.dense", meant, 1.0 - share),
        ("sim.named", np.mean(named, axis=0) if named else np.zeros(len(at)), NAMED if named else 0.0),
        ("trend", shop.trend.values(at), TREND),
        ("sim.need", _cosines(shop, at, query.leaning), LEANING if query.leaning is not None else 0.0),
        ("rule.boost", np.zeros(len(at)) if boosts is None else boosts, 0.0 if boosts is None else 1.0),
    ]
    fits = np.flatnonzero((match.scores > 0) | (meant >= NEAR) | query.anything)
    return Relevance(Scores(at[fits].tolist(), [(name, v[fits], w) for name, v, w in columns]), covered)


def _cosines(shop: Shop, places: Places, vector: Vector | None) -> Values:
    if vector is None or not vector.any():
        return np.zeros(len(places))
    return shop.vectors.cosines(places, vector).astype(np.float64)
