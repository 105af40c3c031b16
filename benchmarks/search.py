"""Search over real gRPC: how many requests, how long each, beside a service that only gives back the same bytes.

    python benchmarks/search.py [--quick] [--sizes 10000,100000] [--people 20000] [--data FOLDER] [--seconds 20]
                                [--no-keep]

Prints a table and keeps it in search.txt beside this script. Client, needs, Redis, broker and recommender share the
cores of this machine. The words are two or three of a product's name, in English or Chinese: a fifth of them mistyped,
a third with a price limit, a tenth with a person whose need they lean towards. Each request asks for ten products with
scores, terms and reasons. Loops and the shop are those of recommend.py. The echo answers every request with the bytes
of one real reply: what is left of a search when nothing is searched.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import kept
from big_platform import Prepared, prepare, serving
from big_shop import BigShop, user_id
from recommend import sizes
from recommend_callers import CALLERS, HEAD, Callers
from whole_platform import Platform, free_port

from attune.recommender.v1.recommender_pb2 import SearchRequest, SearchResponse
from attune.recommender.v1.recommender_pb2_grpc import RecommenderServiceStub
from chassis.rpc import channel

GOALS = {
    100_000: (300, 100, 25.0)
}  # products → closed loop: requests a second; open loop: requests a second, p99 in ms
MISTYPED, PRICED, PERSONAL = 1 / 5, 1 / 3, 1 / 10  # of the requests
_METHOD = "/attune.recommender.v1.RecommenderService/Search"


class Searchers(Callers):
    """Asks with words."""

    def __init__(self, made: Platform, prepared: Prepared, address: str = "") -> None:
        super().__init__(made, prepared)
        self.words = searches(prepared)
        if address:
            self._stub = RecommenderServiceStub(channel(address, name="bench"))

    async def ask(self) -> int:
        """One search; how many products came."""
        return len((await self.search()).recommendations)

    async def search(self) -> SearchResponse:
        """The reply to the next words."""
        return await self._stub.Search(next(self.words), timeout=10)


def searches(prepared: Prepared) -> Iterator[SearchRequest]:
    """For ever, the same ones in each run."""
    shop, rng = prepared.shop, random.Random(11)
    while True:
        names = shop.product(rng.randrange(shop.size)).title
        language = rng.choice(sorted(names))
        words = names[language].split() if language != "zh" else [names[language][:4]]
        text = " ".join(words[: rng.choice((2, 3))])
        text = mistyped(text, rng) if rng.random() < MISTYPED else text
        limit = rng.choice((20, 50, 100))
        text += (f" under {limit}" if language != "zh" else f" {limit}元以下") if rng.random() < PRICED else ""
        user = user_id(rng.randrange(prepared.people)) if rng.random() < PERSONAL else ""
        yield SearchRequest(text=text, user_id=user, k=10)


def mistyped(text: str, rng: random.Random) -> str:
    """One letter is missing."""
    at = rng.randrange(1, len(text))
    return text[:at] + text[at + 1 :]


@asynccontextmanager
async def echoing(reply: SearchResponse, folder: Path) -> AsyncIterator[str]:
    """A process that answers with these bytes whatever it is asked; its address."""
    file, address = folder / "reply.bin", f"127.0.0.1:{free_port()}"
    file.write_bytes(reply.SerializeToString())
    process = await asyncio.create_subprocess_exec(sys.executable, __file__, "--echo", address, str(file))
    try:
        async with grpc.aio.insecure_channel(address) as found:
            await asyncio.wait_for(found.channel_ready(), 20)
        yield address
    finally:
        process.terminate()
        await process.wait()


async def echo(address: str, told: bytes) -> None:
    """Serve until killed."""

    async def answer(request: bytes, context: Any) -> bytes:
        del request, context
        return told

    class Everything(grpc.GenericRpcHandler):
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
            return grpc.unary_unary_rpc_method_handler(answer) if handler_call_details.method == _METHOD else None

    server = grpc.aio.server()
    server.add_generic_rpc_handlers([Everything()])
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


async def measure(prepared: Prepared, seconds: float, folder: Path) -> list[str]:
    """The rows of one size."""
    size = prepared.shop.size
    async with serving(prepared) as made:
        callers = Searchers(made, prepared)
        await callers.closed(min(seconds, 3.0))  # nobody's caches are cold in a shop that is open
        wanted, rate, p99 = GOALS.get(size, (300, 100, 25.0))
        alone = await callers.closed(seconds, 1)
        eight = await callers.closed(seconds)
        paced = await callers.open(seconds, rate)
        async with echoing(await callers.search(), folder) as address:
            bare = await Searchers(made, prepared, address).closed(seconds)
    goal = f" (goal {wanted}/s; p99 {p99:.0f} ms)" if size in GOALS else ""
    return [
        "",
        f"{size:,} products, {prepared.people:,} people{goal}",
        alone.row("closed loop, one caller"),
        eight.row(f"closed loop, {CALLERS} callers"),
        paced.row(f"open loop, {rate}/s, and the shop lives"),
        bare.row(f"echo, closed loop, {CALLERS} callers"),
        f"  products a reply: {eight.offers / max(len(eight.took), 1):.1f}",
    ]


async def main(arguments: argparse.Namespace) -> None:
    lines = ["Search, k = 10, terms and reasons, stock filter; everything on this machine's cores", HEAD]
    print(*lines, sep="\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="attune-bench-") as folder:
        data = arguments.data or Path(folder)
        for size in arguments.sizes:
            prepared = await prepare(data, BigShop(size), arguments.people, arguments.behaviors)
            rows = await measure(prepared, arguments.seconds, Path(folder))
            print(*rows, sep="\n", flush=True)
            lines += rows
    if not arguments.no_keep:
        kept.keep(__file__, lines)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--echo"]:
        asyncio.run(echo(sys.argv[2], Path(sys.argv[3]).read_bytes()))
        raise SystemExit
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="10,000 products, a few seconds")
    parser.add_argument("--sizes", type=sizes, default=[10_000, 100_000])
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--behaviors", type=int, default=100_000)
    parser.add_argument("--data", type=Path, help="where prepared shops are kept; default: a temporary folder")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each loop")
    kept.options(parser)
    given = parser.parse_args()
    if given.quick:
        given.sizes, given.people, given.behaviors, given.seconds = [10_000], 5_000, 20_000, 4.0
    asyncio.run(main(given))
