"""Real purchases through the whole platform: events/s, and milliseconds from an event to the recommendation it changes.

Usage: python benchmarks/real_events.py [--lines 20000] [--events 300] [--rate 20]

Starts `attune up --no-demo` in a folder of its own, loads both real catalogues, replays the purchases in the order of
time with `attune replay`, then sends single events at a steady rate and reads the need and the recommendations with the
event's watermark. The time runs from Kafka's acknowledgement to the reply that holds the event. The result is kept in
real_events.txt beside the script.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import grpc
import real_shop

from attune.events.v1.clickstream_pb2 import BehaviorKind, ClickstreamEvent
from attune.needs.v1 import needs_pb2, needs_pb2_grpc
from attune.recommender.v1 import recommender_pb2, recommender_pb2_grpc
from attune.types.v1.types_pb2 import UserRef, Watermark
from chassis.kafka import Producer

RESULT = Path(__file__).with_suffix(".txt")


def attune(*arguments: str, env: dict[str, str]) -> Any:
    """Run a command and return the JSON it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "attune_cli", *arguments, "--json"], env=env, stdout=subprocess.PIPE, check=True
    )
    return json.loads(done.stdout)


def start(data: Path, env: dict[str, str]) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
    """A platform without the demo, and its addresses."""
    command = [sys.executable, "-m", "attune_cli", "up", "--no-demo", "--data", str(data)]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for line in process.stdout or ():
        if b"attune" in line:  # it says what to try when it is ready
            return process, json.loads((data / "platform.json").read_text())
    raise SystemExit("the platform did not start")


async def freshness(
    addresses: dict[str, str], rows: list[dict[str, str]], count: int, rate: float
) -> dict[str, list[float]]:
    """Milliseconds from acknowledgement to the reply, by method; and how many replies changed."""
    users, products = [row["user_id"] for row in rows], sorted({row["product_id"] for row in rows})
    chance = random.Random(7)
    took: dict[str, list[float]] = {"GetNeed": [], "Recommend": [], "changed": []}
    producer = Producer(addresses["kafka"])
    await producer.start()
    async with (
        grpc.aio.insecure_channel(addresses["needs"]) as to_needs,
        grpc.aio.insecure_channel(addresses["recommender"]) as to_recommender,
    ):
        needs = needs_pb2_grpc.NeedsServiceStub(to_needs)
        recommender = recommender_pb2_grpc.RecommenderServiceStub(to_recommender)

        async def one(number: int) -> None:
            user = UserRef(tenant=real_shop.TENANT, user_id=chance.choice(users))
            before = await recommender.Recommend(recommender_pb2.RecommendRequest(user=user), timeout=10)
            event = ClickstreamEvent(
                event_id=f"fresh-{number}", tenant=user.tenant, user_id=user.user_id,
                product_id=chance.choice(products), kind=BehaviorKind.BEHAVIOR_KIND_ADD_TO_CART,
            )  # fmt: skip
            event.occurred_at.GetCurrentTime()
            at = await producer.send("attune.clickstream.v1", user.user_id, event, form="json")
            mark = Watermark(topic=at.topic, partition=at.partition, offset=at.offset)

            async def timed(name: str, call: Any) -> Any:
                began = time.perf_counter()
                reply = await call
                if reply.served.stale:
                    raise SystemExit(f"{name} did not see its own write")
                took[name].append((time.perf_counter() - began) * 1000)
                return reply

            _, after = await asyncio.gather(
                timed("GetNeed", needs.GetNeed(needs_pb2.GetNeedRequest(user=user, at_least=[mark]), timeout=10)),
                timed("Recommend", recommender.Recommend(
                    recommender_pb2.RecommendRequest(user=user, at_least=[mark]), timeout=10)),
            )  # fmt: skip
            took["changed"].append(float(_offers(before) != _offers(after)))

        tasks = []
        for number in range(count):
            tasks.append(asyncio.create_task(one(number)))
            await asyncio.sleep(1 / rate)
        await asyncio.gather(*tasks)
    await producer.stop()
    return took


def _offers(reply: Any) -> list[tuple[str, float]]:
    return [(each.product.product_id, round(each.score.value, 6)) for each in reply.recommendations]


def main() -> None:
    """Print the table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=20_000, help="purchase lines to replay (default %(default)s)")
    parser.add_argument("--events", type=int, default=300, help="single events to time (default %(default)s)")
    parser.add_argument("--rate", type=float, default=20, help="single events a second (default %(default)s)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {"XDG_STATE_HOME": folder}
        catalog, purchases = real_shop.write(Path(folder) / "shop", given.lines)
        process, addresses = start(Path(folder) / "data", env)
        try:
            began = time.perf_counter()
            attune("load", "catalog", str(catalog), env=env)
            loaded = time.perf_counter() - began
            rows = [json.loads(line) for line in purchases.read_text(encoding="utf-8").splitlines()]
            replayed = attune("replay", str(purchases), env=env)
            took = asyncio.run(freshness(addresses, rows, given.events, given.rate))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
    products = sum(1 for _ in real_shop.catalogue())
    lines = [
        "Whole platform, embedded engines, all processes on these cores",
        f"  {products:,} real products searchable after {loaded:.1f} s    {products / loaded:,.0f} products/s",
        f"  {replayed['sent']:,} real purchases applied by all services  {replayed['events_per_second']:,.0f} events/s",
        f"  {given.events} single events at {given.rate:g}/s; acknowledged → reply that holds it, ms",
        f"    {'':12}{'p50':>8}{'p99':>8}{'max':>8}",
    ]
    for name in ("GetNeed", "Recommend"):
        found = sorted(took[name])
        p99 = found[min(len(found) - 1, round(len(found) * 0.99))]
        lines.append(f"    {name:12}{statistics.median(found):8.1f}{p99:8.1f}{found[-1]:8.1f}")
    lines.append(f"  recommendations that differ after the event: {statistics.mean(took['changed']):.0%}")
    print("\n".join(lines))
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
