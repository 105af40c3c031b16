"""f(u,p) = sim(r_u, e_p) + λ·rel(p, G), with every addend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from recommender.domain.shop import Shop

Values = NDArray[np.float64]
Vector = NDArray[np.float32]

SEED_DECAY = 0.7  # per rank of the person's last products (science: the best of the transition and co-occurrence rows)
LAST = 5  # products of which the nearest one counts (science: max over the last 5)
LINK_SHARE = {"transition": 1.0, "co_occurrence": 0.5}  # inner coefficients of rel (science, the best row)
STATED = 0.5  # of a link the catalogue states: sure, but not about this person
OVERLAP = 0.1  # of shared category, brand and attributes (science: 0.1 attributes)


class Mode(Enum):
    """How f is made."""

    ARTICLE = "article"  # cosine with the plain mean, static centrality
    CONDITIONED = "conditioned"  # the shipped default


@dataclass(frozen=True, slots=True)
class Weights:
    """Coefficients; benchmarks on Amazon Beauty gave their proportions (science, section 1)."""

    balance: float = 1.0  # λ
    dense: float = 0.1
    recent: float = 0.1
    words: float = 0.3
    trend: float = 0.02  # decides between equals, and for those of whom nothing is known
    text: float = 0.1  # what a written recommendation speaks of
    leaning: float = 0.1  # of a searcher's need: it orders what fits, it does not replace what was asked


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """What is looked for: of a person, of a product, or of words."""

    vector: Vector | None = None  # r_u, unit length, (dim,)
    words: Mapping[int, float] = field(default_factory=dict)  # 32-bit name → weight
    seeds: Sequence[int] = ()  # places of the last products, newest first
    mentioned: Mapping[int, float] = field(default_factory=dict)  # place → how surely a text speaks of it
    leaning: Vector | None = None  # r_u of who searches, (dim,)

    def empty(self) -> bool:
        """Whether nothing is known that could tell products apart."""
        return (self.vector is None or not self.vector.any()) and not self.words and not self.seeds


@dataclass(frozen=True, slots=True)
class Term:
    """One addend."""

    name: str
    value: float
    weight: float

    @property
    def contribution(self) -> float:
        return self.value * self.weight


@dataclass(frozen=True, slots=True)
class Scored:
    """A place with its score; `value` is the sum of the terms' contributions in their order, bit for bit."""

    place: int
    terms: tuple[Term, ...]

    @property
    def value(self) -> float:
        total = 0.0
        for term in self.terms:
            total += term.contribution
        return total


@dataclass(frozen=True, slots=True)
class Step:
    """One edge from a product of the person to another one."""

    source: int
    target: int
    kind: str
    weight: float  # what it adds to rel(p, G)


def decays(n: int) -> Values:
    """Weights of the n seeds, newest first; (n,)."""
    return np.power(SEED_DECAY, np.arange(n, dtype=np.float64))


def related(shop: Shop, seeds: Sequence[int], size: int) -> dict[str, Values]:
    """The graph's parts of rel(p, G) for every place, (size,) each; before their inner coefficients."""
    found = {"transition": np.zeros(size), "co_occurrence": np.zeros(size), "catalog": np.zeros(size)}
    for seed, decay in zip(seeds, decays(len(seeds)).tolist(), strict=True):
        for kind, (places, values) in shop.graph.related(seed).items():
            found[kind if kind in found else "catalog"][places] += decay * values  # a row holds a place once
    return found


def score(shop: Shop, wish: Wish, places: Sequence[int], weights: Weights, mode: Mode) -> list[Scored]:
    """F of each place, in the order of `places`."""
    if mode is Mode.ARTICLE:
        columns = _article(shop, wish, places, weights)
    else:
        columns = _conditioned(shop, wish, places, weights)
    table = [(name, values.tolist(), weight) for name, values, weight in columns if weight]  # the others have no say
    return [
        Scored(place, tuple(Term(name, values[row], weight) for name, values, weight in table))
        for row, place in enumerate(places)
    ]


def _article(shop: Shop, wish: Wish, places: Sequence[int], weights: Weights) -> list[tuple[str, Values, float]]:
    at = np.asarray(places, dtype=np.int64)
    return [
        ("sim.dense", _cosines(shop, wish.vector, at), 1.0),
        ("rel.centrality", shop.graph.centrality(at), weights.balance),
    ]


def _conditioned(shop: Shop, wish: Wish, places: Sequence[int], weights: Weights) -> list[tuple[str, Values, float]]:
    at = np.asarray(places, dtype=np.int64)
    graph = {kind: values[at] for kind, values in related(shop, wish.seeds, len(shop.ids)).items()}
    shares = decays(len(wish.seeds))
    overlap = shop.overlap(places, wish.seeds, shares / shares.sum()) if len(shares) else np.zeros(len(at))
    mentioned = np.array([wish.mentioned.get(place, 0.0) for place in places])
    balance = weights.balance
    return [
        ("sim.dense", _cosines(shop, wish.vector, at), weights.dense),
        ("sim.recent", _nearest(shop, wish.seeds[:LAST], at), weights.recent),
        ("sim.words", shop.words.cosines(wish.words, places), weights.words),
        ("rel.transition", graph["transition"], balance * LINK_SHARE["transition"]),
        ("rel.co_occurrence", graph["co_occurrence"], balance * LINK_SHARE["co_occurrence"]),
        ("rel.catalog", graph["catalog"], balance * STATED),
        ("rel.attributes", overlap, balance * OVERLAP),
        ("trend", shop.trend.values(at), weights.trend),
        ("text", mentioned, weights.text),
        ("sim.need", _cosines(shop, wish.leaning, at), weights.leaning if wish.leaning is not None else 0.0),
    ]


def _cosines(shop: Shop, vector: Vector | None, at: NDArray[np.int64]) -> Values:
    if vector is None:
        return np.zeros(len(at))
    return (shop.vectors[at] @ vector).astype(np.float64)


def _nearest(shop: Shop, seeds: Sequence[int], at: NDArray[np.int64]) -> Values:
    """Max over the last products of their cosine with p."""
    if not len(seeds) or not len(at):
        return np.zeros(len(at))
    nearest: Values = (shop.vectors[at] @ shop.vectors[list(seeds)].T).max(axis=1).astype(np.float64)
    return nearest


def steps_to(shop: Shop, seeds: Sequence[int], place: int) -> list[Step]:
    """The edges behind rel(p, G), strongest first; with the overlap they add up to rel(p, G)."""
    found: list[Step] = []
    for seed, decay in zip(seeds, decays(len(seeds)).tolist(), strict=True):
        for kind, (places, values) in shop.graph.related(seed).items():
            share = LINK_SHARE.get(kind, STATED)
            found += [Step(seed, place, kind, decay * share * float(v)) for v in values[places == place]]
    shares = decays(len(seeds))
    if len(shares):
        shares /= shares.sum()
    for seed, portion in zip(seeds, shares.tolist(), strict=True):
        alike = float(shop.overlap([place], [seed], np.ones(1))[0])
        if alike and seed != place:
            found.append(Step(seed, place, _alike(shop, seed, place), OVERLAP * portion * alike))
    return sorted(found, key=lambda step: -step.weight)


def _alike(shop: Shop, a: int, b: int) -> str:
    if shop.categories[a] == shop.categories[b] != 0:
        return "same_category"
    return "same_brand" if shop.brands[a] == shop.brands[b] != 0 else "same_attributes"
