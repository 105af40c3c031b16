"""How many products each source must name so that the best ten by f are among them, and what that costs.

    python benchmarks/candidates.py [--people 1000] [--quick]

Needs the development data (environment ATTUNE_DATA, or ../shared/data beside the checkout). The truth is f of every
product of the shop; each row changes one choice of what is shipped. Prints the share of the ten best that the sources
named, NDCG@10 of what was chosen among those named, how many there were, and the CPU time to name and score them,
and keeps it in candidates.txt beside this script.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import kept
import numpy as np

from attune_evaluate.inprocess.house import TENANT, House
from attune_evaluate.inprocess.index import BruteForce
from attune_evaluate.metrics import ndcg
from attune_evaluate.protocols import Protocol, Split, split
from attune_evaluate.ranking import best
from attune_evaluate.readers.find import read
from recommender.domain.allowed import Allowed
from recommender.domain.context import Context
from recommender.domain.score import Mode, score
from recommender.domain.shop import Shop
from recommender.domain.sought import Sought
from recommender.domain.words import OF_MANY
from recommender.usecases.candidates import Breadth, Candidates
from recommender.usecases.decisions import NOBODY
from recommender.usecases.ports import Found
from recommender.usecases.relations import Person

DATA = Path(os.environ.get("ATTUNE_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
SHOPS = {
    "Beauty": ("amazon_beauty_kg", Protocol.P1),
    "Office": ("amazon_office_unitok", Protocol.P1),
    "Online Retail": ("online_retail", Protocol.TIME),
}
K = 10
ALLOWED = Allowed(out_of_stock=True)


class Looking(BruteForce):
    """A search by words that looks at some places only."""

    def __init__(self, most: int) -> None:
        self._most = most

    async def by_words(self, shop: Shop, words: Sought, k: int, allowed: Allowed) -> Found:
        return Found(*shop.words.best(words, k, lambda places: allowed.fits(shop, places), self._most))


@dataclass
class Figures:
    """Of one choice."""

    found: list[float] = field(default_factory=list)
    ndcg: list[float] = field(default_factory=list)
    named: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def row(self, name: str) -> str:
        means = [float(np.mean(each)) for each in (self.found, self.ndcg, self.named)]
        return (
            f"  {name:36} {means[0]:9.4f} {means[1]:9.4f} {means[2]:9.0f} {1e3 * self.seconds / len(self.found):9.2f}"
        )


HEAD = f"  {'':36} {'of best':>9} {'N@10':>9} {'named':>9} {'CPU ms':>9}"


def variants(share: float) -> list[tuple[str, Breadth, int]]:
    """Name, breadth, and places that a search by words looks at; the first is what is shipped.

    `share`: of the places of a shop of 100,000 products that this one has; so many of what is looked at there.
    """
    shipped = Breadth()
    looked = [("as shipped", shipped, 0)]
    for name, sizes in (
        ("need", (25, 100, 200)),
        ("words", (25, 100)),
        ("graph", (50, 150, 300)),
        ("trend", (0, 50, 100)),
        ("heaviest", (8, 32, 64)),
    ):
        looked += [(f"{name} {size}", replace(shipped, **{name: size}), 0) for size in sizes]
    for places in (8 * OF_MANY, 2 * OF_MANY, OF_MANY, OF_MANY // 2):
        looked.append((f"words: {places:,} of 100,000 looked at", shipped, round(places * share)))
    return looked


async def measure(house: House, cut: Split) -> list[str]:
    """The rows of one shop."""
    shop = house.world.look(TENANT)
    everywhere = shop.all()
    ruling = house.decisions.ruling(shop, Context.HOME, NOBODY)
    choices = variants(len(everywhere) / 100_000)
    sources = [(name, Candidates(Looking(most), breadth)) for name, breadth, most in choices]
    figures = {name: Figures() for name, _ in sources}
    truth = Figures()
    for case in [case for case in cut.cases if case.wanted]:
        known = await house.understand(Person(TENANT, case.user), (), Mode.CONDITIONED)
        without, wanted = known.history.items, {shop.places[each] for each in case.wanted if each in shop.places}

        def first(places: Sequence[int], without: Collection[int] = without) -> list[int]:
            totals = score(shop, known.wish, places, house.weights, Mode.CONDITIONED).totals  # noqa: B023 - called here
            return best(totals, np.asarray(places, dtype=np.int64), without)[:K]

        exact = _timed(truth, lambda: first(everywhere.tolist()))
        _add(truth, exact, exact, wanted, len(everywhere))
        for name, candidates in sources:
            begun = time.process_time()
            proposed = await candidates(shop, known.wish, K, ALLOWED, without, ruling)
            chosen = first(proposed.places)
            figures[name].seconds += time.process_time() - begun
            _add(figures[name], chosen, exact, wanted, len(proposed.places))
    return [truth.row("every product"), *(figure.row(name) for name, figure in figures.items())]


def _timed(figures: Figures, work: Callable[[], list[int]]) -> list[int]:
    begun = time.process_time()
    found = work()
    figures.seconds += time.process_time() - begun
    return found


def _add(figures: Figures, chosen: Sequence[int], exact: Sequence[int], wanted: Collection[int], named: int) -> None:
    figures.found.append(len(set(chosen) & set(exact)) / max(len(exact), 1))
    figures.ndcg.append(ndcg(chosen, wanted, K))
    figures.named.append(named)


async def table(folder: str, protocol: Protocol, people: int) -> list[str]:
    data = read(DATA / folder)
    cut = split(data, protocol, users=people)
    with tempfile.TemporaryDirectory() as place:
        house = House(Path(place))
        try:
            await house.stock(data.products)
            await house.learn(cut.statistics)
            await house.remember(cut.asking)
            return await measure(house, cut)
        finally:
            await house.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000, help="of each data set")
    parser.add_argument("--quick", action="store_true", help="100 people of each")
    kept.options(parser)
    given = parser.parse_args()
    lines: list[str] = []
    for name, (folder, protocol) in SHOPS.items():
        if not (DATA / folder).exists():
            print(f"skipped: {DATA / folder} is not there; set ATTUNE_DATA to the folder that holds it")
            continue
        rows = [name, HEAD, *asyncio.run(table(folder, protocol, 100 if given.quick else given.people)), ""]
        print(*rows, sep="\n", flush=True)
        lines += rows
    if lines and not given.no_keep:
        kept.keep(__file__, lines)


if __name__ == "__main__":
    main()
