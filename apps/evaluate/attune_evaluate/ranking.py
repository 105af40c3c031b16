"""The whole catalogue ranked for one person: by f, by parts of f, and by what everybody could do."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from attune_evaluate.baselines import LAST, ItemKnn, Popularity
from attune_evaluate.inprocess.house import TENANT, House
from recommender.domain.history import History
from recommender.domain.score import Mode, Scores, Wish, score
from recommender.domain.shop import Shop
from recommender.usecases.relations import Person

Values = NDArray[np.float64]
DEPTH = 20  # products of a list that are looked at

LINKS = "+ links of the catalogue"
# The ladder: each rung adds terms of f, with the coefficients they are shipped with.
LADDER: Mapping[str, Sequence[str]] = {
    "sim.dense with recency": ("sim.dense",),
    "+ nearest of the last products": ("sim.recent",),
    "+ words": ("sim.words",),
    "+ transitions": ("rel.transition",),
    "+ co-occurrence": ("rel.co_occurrence",),
    "+ category, brand, attributes": ("rel.attributes",),
    LINKS: ("rel.catalog",),
}
DEFAULT = "default: all of f"
ARTICLE = "article: plain mean, centrality"
# Through candidates and the mix of categories, where the ranking above looks at every product.
ARTICLE_SERVED, SERVED = "article, as Recommend serves it", "default, as Recommend serves it"
POPULARITY, KNN = "popularity", "item-kNN, decay .7"


class Ranking:
    """Ranks all products for one person after the other."""

    def __init__(self, house: House, popularity: Popularity, knn: ItemKnn) -> None:
        self._house, self._popularity, self._knn = house, popularity, knn
        self._shop: Shop = house.world.look(TENANT)
        self._places = self._shop.all()
        self._all: list[int] = self._places.tolist()

    @property
    def shop(self) -> Shop:
        return self._shop

    async def wish(self, user: str, mode: Mode = Mode.CONDITIONED) -> tuple[Wish, History]:
        """What is looked for, and what the person has dealt with."""
        known = await self._house.understand(Person(TENANT, user), (), mode)
        return known.wish, known.history

    def terms(self, wish: Wish) -> Scores:
        """F of every product with its terms."""
        return score(self._shop, wish, self._all, self._house.weights, Mode.CONDITIONED)

    async def rungs(self, user: str, *, seen: bool = False) -> dict[str, list[int]]:
        """Each rung's best places, best first, without those the person has dealt with, unless `seen`."""
        wish, dealt = await self.wish(user)
        plain, _ = await self.wish(user, Mode.ARTICLE)
        without = () if seen else dealt.items
        scores = self.terms(wish)
        article = score(self._shop, plain, self._all, self._house.weights, Mode.ARTICLE).totals
        found = {POPULARITY: self._best(self._popularity.counts[self._places], without)}
        found[KNN] = self._best(self._knn.scores(dealt.recent(LAST))[self._places], without)
        found[ARTICLE] = self._best(article, without)
        for name, totals in ladder(scores, linked=bool(self._shop.graph.links)):
            found[name] = self._best(totals, without)
        found[DEFAULT] = self._best(scores.totals, without)
        return found

    def _best(self, totals: Values, without: Collection[int]) -> list[int]:
        return best(totals, self._places, without)


def best(totals: Values, places: NDArray[np.int64], without: Collection[int]) -> list[int]:
    """The first places by their totals, of equals the first one, but those to leave out."""
    ours = totals.copy()
    if without:
        ours[np.isin(places, list(without))] = -np.inf
    few = min(DEPTH, len(ours))
    cut = np.partition(ours, len(ours) - few)[len(ours) - few]
    rows = np.flatnonzero(ours >= cut)
    first = rows[np.argsort(-ours[rows], kind="stable")][:few]
    found: list[int] = places[first[np.isfinite(ours[first])]].tolist()
    return found


def ladder(scores: Scores, *, linked: bool) -> Iterator[tuple[str, Values]]:
    """Running sums of the terms of f; without the rung of links where the catalogue has none."""
    columns = {name: values * weight for name, values, weight in scores.columns}
    total: Values = np.zeros(len(scores.totals))
    for name, terms in LADDER.items():
        if name == LINKS and not linked:
            continue
        there = [columns[term] for term in terms if term in columns]
        if there and any(each.any() for each in there):
            total = total + np.sum(there, axis=0)
        yield name, total
