"""A catalogue over Kafka into a running recommender: how fast, how soon searchable, how much memory a product takes.

    python benchmarks/catalogue.py [--quick] [--products 100000] [--updates 200] [--no-keep]

Prints a table and keeps it in catalogue.txt beside this script. Products of big_shop.py are sent as JSON, as a shop's
own server would, no faster than the recommender takes them (the embedded broker keeps 5 MiB a partition). The lines are
written to a file before the clock starts, so that what is measured is the way from the client's Kafka producer until
the recommender gives the last product out; the needs service takes the vectors of the products meanwhile, on the same
machine, and its CPU until it has them all is told. A searcher asks five times a second all the time. Then single
products change their names, and after each acknowledgement a search with the new words is asked until it finds them.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import kept
import numpy as np
import psutil
from big_shop import BigShop
from confluent_kafka import Message, Producer
from google.protobuf import json_format
from whole_platform import Platform, platform, written_until

from attune.events.v1.product_pb2 import AVAILABILITY_IN_STOCK, Product
from attune.needs.v1.needs_pb2 import GetNeedRequest
from attune.needs.v1.needs_pb2_grpc import NeedsServiceStub
from attune.recommender.v1.recommender_pb2 import GetProductsRequest, SearchRequest
from attune.recommender.v1.recommender_pb2_grpc import RecommenderServiceStub
from attune.types.v1.types_pb2 import UserRef
from chassis.rpc import channel

TOPIC, VECTORS = "attune.catalog.v1", "attune.product-vectors.v1"
BLOCK, AHEAD = 500, 5_000  # products that are sent at once; that may be sent before the recommender has them
GOALS = {"seconds": 120.0, "update": 100.0}


@dataclass
class Searching:
    """Searches while the catalogue comes."""

    took: list[float] = field(default_factory=list)  # ms
    failed: int = 0

    async def forever(self, stub: RecommenderServiceStub, shop: BigShop) -> None:
        for text, language in itertools.cycle(shop.queries(2_000)):
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
        self._newest: dict[int, str] = {}  # partition → the product that was written to it last

    def send(self, product_id: str, line: bytes) -> None:
        self._producer.produce(TOPIC, line, product_id, on_delivery=self._written)
        self._producer.poll(0)

    async def acknowledged(self) -> Sequence[str]:
        """When all that was sent is in the log: its newest products. Who has them has all before them."""
        await asyncio.to_thread(self._producer.flush, 30)
        return list(self._newest.values())

    def _written(self, error: object, message: Message) -> None:
        if error is not None:
            raise RuntimeError(f"a product was not written: {error}")
        self._newest[message.partition()] = message.key().decode()


def to_file(shop: BigShop, file: Path) -> Path:
    """The shop's products in a file, one line of JSON each."""
    with file.open("wb") as lines:
        for product in shop.products():
            lines.write(line_of(product) + b"\n")
    return file


def line_of(product: Product) -> bytes:
    return json_format.MessageToJson(product, indent=None).encode()


async def load(made: Platform, shop: BigShop, lines: Path, stub: RecommenderServiceStub) -> float:
    """Seconds until the last product can be had."""
    sender, begun, waiting = Sender(made.kafka), time.perf_counter(), deque[Sequence[str]]()
    with lines.open("rb") as given:
        for block in _blocks(zip(shop.ids(), given, strict=True)):
            for product_id, line in block:
                sender.send(product_id, line)
            waiting.append(await sender.acknowledged())
            if len(waiting) > AHEAD // BLOCK:
                await _has(stub, waiting.popleft())
    await _has(stub, waiting[-1])
    return time.perf_counter() - begun


def _blocks(products: Iterator[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    while block := list(itertools.islice(products, BLOCK)):
        yield block


async def _has(stub: RecommenderServiceStub, product_ids: Sequence[str]) -> None:
    """Return when the recommender gives them all out."""
    while (await stub.GetProducts(GetProductsRequest(product_ids=product_ids), timeout=10)).missing:  # noqa: ASYNC110
        await asyncio.sleep(0.02)


async def update(made: Platform, shop: BigShop, stub: RecommenderServiceStub, updates: int) -> list[float]:
    """Milliseconds from each acknowledgement until a search finds the product by its new name."""
    sender, took = Sender(made.kafka), []
    for number in range(updates):
        product = shop.product(number * 7_919 % shop.size)
        name = f"zyx{number}qv"
        product.title["en"] = f"{name} {product.title['en']}"
        product.availability = AVAILABILITY_IN_STOCK  # the others are not offered
        sender.send(product.product_id, line_of(product))
        await sender.acknowledged()
        begun = time.perf_counter()
        while True:
            found = await stub.Search(SearchRequest(text=name, k=1, verbatim=True), timeout=10)
            if any(each.product.product_id == product.product_id for each in found.recommendations):
                break
        took.append((time.perf_counter() - begun) * 1e3)
    return took


async def needs_have_all(made: Platform, size: int) -> tuple[float, Sequence[str]]:
    """Seconds until the needs service has every product's vector, and what it missed."""
    begun = time.perf_counter()
    marks = await asyncio.to_thread(written_until, made.kafka, VECTORS, size)
    stub = NeedsServiceStub(channel(made.addresses["needs"], name="bench"))
    while True:
        reply = await stub.GetNeed(GetNeedRequest(user=UserRef(user_id="nobody"), at_least=marks), timeout=10)
        if not reply.served.stale:
            missed = [each.reason for each in reply.served.fallbacks if each.component == "log"]
            return time.perf_counter() - begun, missed


async def main(arguments: argparse.Namespace) -> None:
    size = arguments.products
    shop, searching = BigShop(size), Searching()
    async with AsyncExitStack() as stack:
        lines = to_file(shop, Path(stack.enter_context(TemporaryDirectory())) / "products.jsonl")
        made = await stack.enter_async_context(platform("embedded", ["needs", "recommender"], demo=False))
        stub = RecommenderServiceStub(channel(made.addresses["recommender"], name="bench"))
        process = made.processes["recommender"]
        before, cpu = _resident(process), _cpu(made)
        searcher = asyncio.create_task(searching.forever(stub, shop))
        seconds = await load(made, shop, lines, stub)
        meanwhile = list(searching.took)
        late, missed = await needs_have_all(made, size)
        used = {name: spent - cpu[name] for name, spent in _cpu(made).items()}
        after = _resident(process)
        took = await update(made, shop, stub, arguments.updates)
        searcher.cancel()
    p50, p99 = (float(np.percentile(meanwhile, q)) for q in (50, 99))
    u50, u99 = (float(np.percentile(took, q)) for q in (50, 99))
    told = [
        f"{size:,} products over Kafka (embedded broker), static encoder, into a running recommender",
        f"  all can be had after   {seconds:8.1f} s    (goal for 100,000: {GOALS['seconds']:.0f})",
        f"  needs has all vectors  {late:8.1f} s later; " + ("; ".join(missed) or "it missed none"),
        f"  products a second      {size / seconds:8.0f}      CPU a product: "
        + ", ".join(f"{name} {1e3 * spent / size:.2f} ms" for name, spent in used.items() if spent > 0),
        f"  memory a product       {(after - before) / size:8.0f} bytes resident, the index's process with it",
        f"  searches meanwhile     {len(meanwhile):8,}      p50 {p50:.1f}, p99 {p99:.1f} ms",
        f"  longest of them        {max(meanwhile):8.0f} ms, {searching.failed} failed",
        f"  a change is found      {u50:8.1f} ms p50, {u99:.1f}, at most {max(took):.1f} (goal {GOALS['update']:.0f})",
    ]
    print(*told, sep="\n")
    if not arguments.no_keep:
        kept.keep(__file__, told)


def _cpu(made: Platform) -> dict[str, float]:
    return made.cpu() | {"client": time.process_time()}


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
