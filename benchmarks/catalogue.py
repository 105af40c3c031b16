"""A catalogue over Kafka into a running recommender: how fast, how soon searchable, how much memory a product takes.

    python benchmarks/catalogue.py [--quick] [--products 100000] [--updates 200] [--no-keep]

Prints a table and keeps it in catalogue.txt beside this script. Products of big_shop.py are sent as JSON, as a shop's
own server would, no faster than the recommender takes them (the embedded broker keeps 5 MiB a partition). Meanwhile a
searcher asks five times a second. Then single products change their names, and after each acknowledgement a search with
the new words is asked until it finds them.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import grpc
import kept
import numpy as np
import psutil
from big_shop import BigShop
from confluent_kafka import Producer
from google.protobuf import json_format
from whole_platform import Platform, platform

from attune.events.v1.product_pb2 import AVAILABILITY_IN_STOCK
from attune.recommender.v1.recommender_pb2 import GetProductsRequest, SearchRequest
from attune.recommender.v1.recommender_pb2_grpc import RecommenderServiceStub
from chassis.rpc import channel

TOPIC = "attune.catalog.v1"
AHEAD = 5_000  # products that may be sent before the recommender has them
GOALS = {"seconds": 120.0, "update": 100.0}


@dataclass
class Searching:
    """Searches while the catalogue comes."""

    took: list[float] = field(default_factory=list)  # ms
    failed: int = 0

    async def forever(self, stub: RecommenderServiceStub, shop: BigShop) -> None:
        for text, language in shop.queries(1_000_000):
            begun = time.perf_counter()
            try:
                await stub.Search(SearchRequest(text=text, language=language, k=10), timeout=10)
            except grpc.aio.AioRpcError:
                self.failed += 1
            self.took.append((time.perf_counter() - begun) * 1e3)
            await asyncio.sleep(0.2)


class Sender:
    """Catalogue records over Kafka."""

    def __init__(self, kafka: str) -> None:
        self._producer = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random", "linger.ms": 5})

    def send(self, product: Any) -> None:
        self._producer.produce(TOPIC, json_format.MessageToJson(product, indent=None), product.product_id)
        self._producer.poll(0)

    async def acknowledged(self) -> None:
        await asyncio.to_thread(self._producer.flush, 30)


async def load(made: Platform, shop: BigShop, stub: RecommenderServiceStub) -> float:
    """Seconds until the last product can be had."""
    sender, begun, known = Sender(made.kafka), time.perf_counter(), 0
    for number, product in enumerate(shop.products()):
        sender.send(product)
        if number % 500 == 499:  # noqa: PLR2004 - often enough to keep in step
            await sender.acknowledged()
            while number - known > AHEAD:
                known = await _known(stub, shop, known)
    await sender.acknowledged()
    while known < shop.size - 1:
        known = await _known(stub, shop, known)
    return time.perf_counter() - begun


async def _known(stub: RecommenderServiceStub, shop: BigShop, before: int) -> int:
    """A number below which all were taken; each partition is taken in its order, so some of the next ones tell."""
    await asyncio.sleep(0.05)
    numbers = range(before, min(shop.size, before + 2_000), 100)  # to be asked costs the service too
    last = min(before + 2_000, shop.size) - 1
    ids = [shop.product_id(number) for number in (*numbers, *range(max(last - 20, 0), last + 1))]
    missing = (await stub.GetProducts(GetProductsRequest(product_ids=ids), timeout=10)).missing
    return last if not missing else before


async def update(made: Platform, shop: BigShop, stub: RecommenderServiceStub, updates: int) -> list[float]:
    """Milliseconds from each acknowledgement until a search finds the product by its new name."""
    sender, took = Sender(made.kafka), []
    for number in range(updates):
        product = shop.product(number * 7_919 % shop.size)
        name = f"zyx{number}qv"
        product.title["en"] = f"{name} {product.title['en']}"
        product.availability = AVAILABILITY_IN_STOCK  # the others are not offered
        sender.send(product)
        await sender.acknowledged()
        begun = time.perf_counter()
        while True:
            found = await stub.Search(SearchRequest(text=name, k=1, verbatim=True), timeout=10)
            if any(each.product.product_id == product.product_id for each in found.recommendations):
                break
        took.append((time.perf_counter() - begun) * 1e3)
    return took


async def main(arguments: argparse.Namespace) -> None:
    size = arguments.products
    shop, searching = BigShop(size), Searching()
    async with platform("embedded", ["needs", "recommender"], demo=False) as made:
        stub = RecommenderServiceStub(channel(made.addresses["recommender"], name="bench"))
        process = made.processes["recommender"]
        before, cpu = _resident(process), made.cpu()
        searcher = asyncio.create_task(searching.forever(stub, shop))
        seconds = await load(made, shop, stub)
        used = {name: spent - cpu[name] for name, spent in made.cpu().items()}
        after = _resident(process)
        took = await update(made, shop, stub, arguments.updates)
        searcher.cancel()
    p50, p99 = (float(np.percentile(searching.took, q)) for q in (50, 99))
    u50, u99 = (float(np.percentile(took, q)) for q in (50, 99))
    lines = [
        f"{size:,} products over Kafka (embedded broker), static encoder, into a running recommender",
        f"  all can be had after   {seconds:8.1f} s    (goal for 100,000: {GOALS['seconds']:.0f})",
        f"  products a second      {size / seconds:8.0f}      CPU a product: "
        + ", ".join(f"{name} {1e3 * spent / size:.2f} ms" for name, spent in used.items() if spent > 0),
        f"  memory a product       {(after - before) / size:8.0f} bytes resident, the index's process with it",
        f"  searches meanwhile     {len(searching.took):8,}      p50 {p50:.1f}, p99 {p99:.1f} ms",
        f"  longest of them        {max(searching.took):8.0f} ms, {searching.failed} failed",
        f"  a change is found      {u50:8.1f} ms p50, {u99:.1f}, at most {max(took):.1f} (goal {GOALS['update']:.0f})",
    ]
    print(*lines, sep="\n")
    if not arguments.no_keep:
        kept.keep(__file__, lines)


def _resident(process: psutil.Process) -> int:
    return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="3,000 products, 20 changes")
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--updates", type=int, default=200)
    kept.options(parser)
    given = parser.parse_args()
    if given.quick:
        given.products, given.updates = 3_000, 20
    asyncio.run(main(given))
