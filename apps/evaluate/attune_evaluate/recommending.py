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
from attune_evaluate.ranking import ARTICLE_SERVED, DEFAULT, DEPTH, SERVED, Ranking
from attune_evaluate.results import Board, Row
from recommender.domain.allowed import Allowed
from recommender.domain.score import Mode, Weights
from recommender.usecases.offer import Asked
from recommender.usecases.relations import Person

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
                _add(lists, await _served(house, case.user))
        if case.again:
            _add(again, await ranking.rungs(case.user, seen=True))
            if options.served:
                _add(again, await _served(house, case.user, seen=True))
    return Board(
        about=cut.about,
        rows=rows(lists, cut.looking(), shop.places),
        again=rows(again, cut.looking(again=True), shop.places, again=True),
        catalogue=len(shop.all()),
        people=popularity.counts,
        vectors=shop.vectors.take(np.arange(len(shop.ids))),
        reference=DEFAULT,
        ids=shop.ids,
    )


async def _served(house: House, user: str, *, seen: bool = False) -> dict[str, list[int]]:
    """By row."""
    asked = Asked(DEPTH, Allowed(out_of_stock=True, seen=seen), "")
    places, found = house.world.look(TENANT).places, {}
    for name, mode in ((ARTICLE_SERVED, Mode.ARTICLE), (SERVED, Mode.CONDITIONED)):
        offers = await house.recommend(Person(TENANT, user), asked, mode)
        found[name] = [places[offer.product.key.product_id] for offer in offers.offers]
    return found


def _add(lists: dict[str, list[list[int]]], found: Mapping[str, list[int]]) -> None:
    for name, ranked in found.items():
        lists.setdefault(name, []).append(ranked)


def rows(
    lists: Mapping[str, list[list[int]]], cases: Sequence[Case], places: Mapping[str, int], *, again: bool = False
) -> list[Row]:
    """A row of each way to rank, of the lists of the cases that look for something new, or for something `again`."""
    sought = [case.again if again else case.wanted for case in cases]
    wanted = [{places[product] for product in products if product in places} for products in sought]
    users, known = [case.user for case in cases], [case.known for case in cases]
    return [Row(name, users, ranked, wanted, known) for name, ranked in lists.items()]
