"""How many of the nearest products the embedded index finds, and what asking it costs.

    python benchmarks/index.py [--sizes 30000,100000] [--needs 300] [--quick] [--no-keep]

Products are those of big_shop.py, read by the static encoder; a need is the mean of what a person of that shop did.
The truth is every product compared one by one. Three tables for each size: the engine alone, by how many are asked for
and how far it looks (ef); the index as the recommender asks it, in a process of its own, without the tenth that is out
of stock; and that with points that came after the building. Shops of fewer than 20,000 products have no index. CPU
time, not the clock. Keeps what it prints in index.txt beside this script.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import kept
import numpy as np
import psutil
import qdrant_edge as edge
from big_shop import BigShop
from numpy.typing import NDArray

import lm.load
from recommender.domain.allowed import Allowed
from recommender.domain.nearest import best, nearest
from recommender.domain.product import Position
from recommender.domain.shop import Entry, Places, Shop
from recommender.domain.vectors import FLAT, Vector
from recommender.handlers import product_of
from recommender.models import TextModels
from recommender.stores import edge_frames as frames
from recommender.stores.edge_worker import Shard
from recommender.stores.payload import collection
from recommender.stores.qdrant_edge import EdgeProductIndex

TENANT = "default"
WANTED = (25, 60, 100, 120, 200)
ASKED = ((1.0, 0), (1.0, 10), (1.1, 10), (1.2, 10), (1.5, 10), (2.0, 10))  # times as many as wanted, and so many more
EF = (64, 100, 128, 200)  # 200 is shipped; the engine looks at as many as it is asked for if that is more
LATE = (1_000, 2_000, 5_000, 10_000, 20_000)
ROUGHLY = edge.QuantizationSearchParams(rescore=False)
_AT_ONCE = 1_000
_DONE = 5  # things by each person


class Made:
    """A shop in memory, and what people need of it."""

    def __init__(self, size: int, models: TextModels) -> None:
        self.big, self._models = BigShop(size), models
        self.shop = Shop(TENANT, models.dim)

    async def fill(self) -> None:
        """Take every product."""
        for number, product_id in enumerate(self.big.ids()):
            self.shop.settle(number, product_id)
        async for entries in self.entries(0, self.big.size):
            for entry in entries:
                self.shop.put(entry)

    async def entries(self, start: int, stop: int) -> AsyncIterator[list[Entry]]:
        """Those of some products."""
        for first in range(start, stop, _AT_ONCE):
            products = [product_of(each) for each in self.big.products(first, min(first + _AT_ONCE, stop))]
            read = await self._models.products(products)
            positions = [Position("log", 0, first + n) for n in range(len(products))]
            yield [made.entry(p, at) for p, made, at in zip(products, read, positions, strict=True)]

    def needs(self, people: int) -> list[Vector]:
        """One of each person, of unit length."""
        done = next(self.big.people(people, people * _DONE))
        sums = [self.shop.vectors.take(done.products[done.people == each]).sum(axis=0) for each in range(people)]
        return [(each / np.linalg.norm(each)).astype(np.float32) for each in sums if each.any()]


class Asking:
    """The index as the recommender asks it."""

    def __init__(self, made: Made, index: EdgeProductIndex, needs: Sequence[Vector]) -> None:
        self._made, self._index, self._needs = made, index, needs
        children = psutil.Process().children()
        (self._process,) = [each for each in children if "edge_worker" in " ".join(each.cmdline())]

    async def row(self, name: str, k: int) -> str:
        shop, allowed = self._made.shop, Allowed()
        truth = [nearest(shop, need, k, allowed)[0] for need in self._needs]
        for need in self._needs[:20]:
            await self._index.nearest(shop, need, k, allowed)
        before, begun = self._seconds(), time.process_time()
        found = [(await self._index.nearest(shop, need, k, allowed)).places for need in self._needs]
        ours, theirs = time.process_time() - begun, self._seconds() - before
        each = 1e3 / len(self._needs)
        return f"  {name:>18} {recall(found, truth, k):8.4f} {theirs * each:9.2f} {ours * each:9.3f}"

    def resident(self) -> str:
        return f"  its process has {self._process.memory_info().rss / 2**20:,.0f} MiB resident"

    def _seconds(self) -> float:
        used = self._process.cpu_times()
        return float(used.user + used.system)


def recall(found: Sequence[Places], truth: Sequence[Places], k: int) -> float:
    """The part of the k nearest that was found."""
    return float(np.mean([len(np.intersect1d(f[:k], t[:k])) / k for f, t in zip(found, truth, strict=True)]))


def by_engine(made: Made, folder: Path, dim: int, needs: Sequence[Vector]) -> list[str]:
    """The engine alone, in this process."""
    shard = Shard(folder, dim)
    everything = Allowed(out_of_stock=True)
    truth = [nearest(made.shop, need, max(WANTED), everything)[0] for need in needs]
    lines = [f"  {'wanted':>7} {'asked for':>10}" + "".join(f"     ef {ef:>3}: {'recall':>6} {'ms':>6}" for ef in EF)]
    for k in WANTED:
        for over, spare in ASKED:
            cells = [cell(made, shard, (needs, truth), (k, math.ceil(over * k) + spare), ef) for ef in EF]
            lines.append(f"  {k:7} {f'{over:.1f}k + {spare}':>10}{''.join(cells)}")
    shard.close()
    return lines


def cell(
    made: Made, shard: Shard, asking: tuple[Sequence[Vector], Sequence[Places]], sizes: tuple[int, int], ef: int
) -> str:
    (needs, truth), (k, asked) = asking, sizes
    params = edge.SearchParams(hnsw_ef=ef, quantization=ROUGHLY)
    begun = time.process_time()
    told = [shard.near(frames.Near(need.tobytes(), asked, None), params).places for need in needs]
    took = (time.process_time() - begun) / len(needs)
    rough: list[NDArray[np.int64]] = [np.frombuffer(each, "<i8") for each in told]
    cosines = [made.shop.vectors.cosines(places, need) for places, need in zip(rough, needs, strict=True)]
    found = [best(places, each, k)[0] for places, each in zip(rough, cosines, strict=True)]
    return f"             {recall(found, truth, k):6.4f} {1e3 * took:6.2f}"


async def measure(size: int, people: int, models: TextModels) -> AsyncIterator[str]:
    """The tables of one size."""
    made = Made(size, models)
    await made.fill()
    needs = made.needs(people)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = EdgeProductIndex(folder, space=models.space, dim=models.dim)
        begun = time.perf_counter()
        await first.serve(lambda _: made.shop, [TENANT])
        await first.built()
        yield f"{size:,} products, {len(needs)} needs; built in {time.perf_counter() - begun:,.0f} s"
        await first.close()
        (built,) = (folder / collection(models.space) / TENANT).iterdir()
        for line in by_engine(made, built, models.dim, needs):
            yield line
        index = EdgeProductIndex(folder, space=models.space, dim=models.dim, unsorted=size)
        await index.serve(lambda _: made.shop, [TENANT])
        asking = Asking(made, index, needs)
        yield f"  {'as it is asked':>18} {'recall':>8} {'CPU ms':>9} {'who asks':>9}"
        for k in WANTED:
            yield await asking.row(f"{k}", k)
        yield asking.resident()
        known = 0
        for late in (each for each in LATE if each <= size // 2):
            async for entries in made.entries(known, late):
                await index.upsert(entries)
            known = late
            yield await asking.row(f"100, {late:,} late", 100)
        await index.close()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="30000,100000")
    parser.add_argument("--needs", type=int, default=300)
    parser.add_argument("--quick", action="store_true", help="the smallest shop that has an index, and few needs")
    kept.options(parser)
    given = parser.parse_args()
    sizes = [FLAT + 1] if given.quick else [int(size) for size in given.sizes.split(",")]
    models, lines = TextModels(lm.load.encoder("static")), list[str]()
    for size in sizes:
        async for line in measure(size, 50 if given.quick else given.needs, models):
            print(line, flush=True)
            lines.append(line)
    if not given.no_keep:
        kept.keep(__file__, lines)


if __name__ == "__main__":
    asyncio.run(main())
