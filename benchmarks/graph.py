"""rel(p, G) of a live graph: how long it takes to build, to ask and to change, and what memory it takes.

    python benchmarks/graph.py [--quick] [--products 100000] [--behaviors 1000000] [--no-keep]

Prints a table and keeps it in graph.txt beside this script. People do what the shop of big_shop.py has them do; the
graph learns it through the histories of the service, one behaviour after the other, as it does at a start.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in the service

import kept
import numpy as np
import psutil
from big_shop import BigShop

from recommender.domain.around import Around
from recommender.domain.history import Done, History
from recommender.domain.shop import Shop

_DONE = (Done.SEEN, Done.SEEN, Done.WANTED, Done.WANTED | Done.BOUGHT)
_SEEDS, _CANDIDATES, _ASKED = 10, 300, 2_000


def measure(products: int, behaviors: int) -> list[str]:
    """The rows of one size."""
    made = BigShop(products)
    shop, histories = Shop("default", 8), dict[int, History]()
    for place, product_id in enumerate(made.ids()):
        shop.settle(place, product_id)
    chunks = list(made.people(max(1, behaviors // 10), behaviors))
    for chunk in chunks:
        for person, place, done in zip(
            chunk.people.tolist(), chunk.products.tolist(), chunk.done.tolist(), strict=True
        ):
            history = histories.setdefault(person, History())
            history.add(place, _DONE[done], 0)
            if len(history.items) > 500:  # noqa: PLR2004 - as the service does
                history.trim()
    gc.collect()
    before, begun = psutil.Process().memory_info().rss, time.perf_counter()
    for history in histories.values():
        shop.graph.learn(history.meetings())
    built = time.perf_counter() - begun
    grown = psutil.Process().memory_info().rss - before
    edges = shop.graph.transitions.size + shop.graph.together.size

    rng = random.Random(5)
    seeds = [histories[person].recent(_SEEDS) for person in rng.choices(list(histories), k=_ASKED)]
    seeds = [each for each in seeds if len(each) == _SEEDS] or seeds
    places = np.array(rng.sample(range(products), min(_CANDIDATES, products)))
    took = {"first": _ask(shop, seeds, places), "again": _ask(shop, seeds, places)}
    changes = _change(shop, histories, rng)
    return [
        f"{products:,} products, {behaviors:,} behaviours of {len(histories):,} people",
        f"  built in            {built:8.1f} s      {1e6 * built / behaviors:.1f} µs a behaviour",
        f"  edges               {edges:10,}    {grown / max(edges, 1):.0f} bytes each, {grown / 2**20:,.0f} MiB",
        *(
            f"  rel, {name:5} time     {np.percentile(each, 50):8.3f} ms p50, {np.percentile(each, 99):.3f} ms p99"
            f"   ({_SEEDS} last products, {_CANDIDATES} candidates)"
            for name, each in took.items()
        ),
        f"  a behaviour more    {changes:8.1f} µs",
    ]


def _ask(shop: Shop, seeds: list[list[int]], places: np.ndarray) -> list[float]:
    """Milliseconds of each request's part of the graph: what lies around, the nearest 150, and the parts of 300."""
    took = []
    for each in seeds:
        begun = time.perf_counter()
        around = Around(shop, each)
        around.nearest(150)
        around.parts(places)
        took.append((time.perf_counter() - begun) * 1e3)
    return took


def _change(shop: Shop, histories: dict[int, History], rng: random.Random) -> float:
    """µs of a behaviour that comes while the graph is served."""
    people, begun = rng.choices(list(histories), k=5_000), time.perf_counter()
    for person in people:
        shop.graph.learn([histories[person].add(rng.randrange(len(shop.ids)), Done.SEEN, 0)])
    return (time.perf_counter() - begun) / len(people) * 1e6


def main(arguments: argparse.Namespace) -> None:
    lines = ["The live graph, one core"]
    for products, behaviors in arguments.sizes:
        lines += ["", *measure(products, behaviors)]
    print(*lines, sep="\n")
    if not arguments.no_keep:
        kept.keep(__file__, lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="10,000 products, 50,000 behaviours")
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--behaviors", type=int, default=1_000_000)
    kept.options(parser)
    given = parser.parse_args()
    given.sizes = [(10_000, 50_000)] if given.quick else [(given.products, given.behaviors)]
    main(given)
