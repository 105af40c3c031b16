"""Recommendations of a data set, by every rung, in process."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from attune_evaluate.baselines import ItemKnn, Popularity
from attune_evaluate.dataset import Dataset
from attune_evaluate.inprocess.house import TENANT, House
from attune_evaluate.protocols import Case, Split
from attune_evaluate.ranking import DEFAULT, DEPTH, Ranking
from attune_evaluate.results import Board, Row
from recommender.domain.allowed import Allowed
from recommender.domain.score import Mode, Weights
from recommender.usecases.offer import Asked
from recommender.usecases.relations import Person

SERVED = "default, as Recommend serves it"
Progress = Callable[[str, int, int], None]  # what, done, of how many


@dataclass(frozen=True, slots=True)
class Options:
    """How a data set is evaluated."""

    encoder: str = "static"
    weights: Weights | None = None
    served: bool = True  # also by the Recommend verb: candidates, then the choice


async def offline(data: Dataset, cut: Split, options: Options, told: Progress) -> Board:
    """Rank for everybody who asks; lists are of places of the shop."""
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder), options.encoder, options.weights)
        try:
            told("catalogue", 0, len(data.products))
            await house.stock(data.products)
            told("statistics", 0, len(cut.statistics))
            await house.learn(cut.statistics)
            told("people", 0, len(cut.asking))
            await house.remember(cut.asking)
            return await _asked(house, cut, options, told)
        finally:
            await house.close()


async def _asked(house: House, cut: Split, options: Options, told: Progress) -> Board:
    shop = house.world.look(TENANT)
    popularity, knn = Popularity(cut.statistics, shop.places), ItemKnn(cut.statistics, shop.places)
    ranking = Ranking(house, popularity, knn)
    lists: dict[str, list[list[int]]] = {}
    again: dict[str, list[list[int]]] = {}
    for number, case in enumerate(cut.cases):
        told("people asked", number, len(cut.cases))
        if case.wanted:
            _add(lists, await ranking.rungs(case.user))
            if options.served:
                _add(lists, {SERVED: await _served(house, case)})
        if case.again:
            _add(again, await ranking.rungs(case.user, seen=True))
    places = shop.places
    first = [case for case in cut.cases if case.wanted]
    second = [case for case in cut.cases if case.again]
    return Board(
        about=cut.about,
        rows=rows(lists, first, [{places[p] for p in case.wanted if p in places} for case in first]),
        again=rows(again, second, [{places[p] for p in case.again if p in places} for case in second]),
        catalogue=len(shop.all()),
        people=popularity.counts,
        vectors=shop.vectors.take(np.arange(len(shop.ids))),
        reference=DEFAULT,
        ids=shop.ids,
    )


async def _served(house: House, case: Case) -> list[int]:
    asked = Asked(DEPTH, Allowed(out_of_stock=True), "")
    offers = await house.recommend(Person(TENANT, case.user), asked, Mode.CONDITIONED)
    shop = house.world.look(TENANT)
    return [shop.places[offer.product.key.product_id] for offer in offers.offers]


def _add(lists: dict[str, list[list[int]]], found: Mapping[str, list[int]]) -> None:
    for name, ranked in found.items():
        lists.setdefault(name, []).append(ranked)


def rows(lists: Mapping[str, list[list[int]]], cases: Sequence[Case], wanted: Sequence[set[int]]) -> list[Row]:
    """A row of each way to rank, of the lists of the cases."""
    users, known = [case.user for case in cases], [case.known for case in cases]
    return [Row(name, users, ranked, wanted, known) for name, ranked in lists.items()]
