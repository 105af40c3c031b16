"""Events folded into needs on real Kafka and Redis: the service, the raw client loop, and a loop written by hand.

    python benchmarks/event_path.py [--events 300000] [--users 100000] [--only raw,one,two,plain,embedded] [--no-keep]

Every run drains a log of JSON clicks (Zipf over the users, 4 partitions). Its readers have joined their group and are
stopped (SIGSTOP) while the log is filled; the time runs from SIGCONT until the last event is in Redis together with its
offset. CPU is what the processes used in that time. Everything shares this machine's cores. The table is kept in
event_path.txt beside the script.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import kept
import numpy as np
import psutil
import redis
from confluent_kafka import Producer
from event_path_engines import Engines, embedded, servers
from event_path_ready import cpu, wait_for_products, wait_until_quiet, wait_until_ready, wait_until_shared

from lm.static import StaticEncoder

HERE = Path(__file__).resolve().parent
CLICKS, PRODUCT_VECTORS = "attune.clickstream.v1", "attune.product-vectors.v1"
PARTITIONS, PRODUCTS, PLAIN = 4, 20_000, 3_000  # a loop that writes every event alone is told from fewer
KINDS = ["view"] * 6 + ["click"] * 2 + ["add_to_cart", "purchase"]
START = datetime(2026, 1, 5, tzinfo=UTC)
RUNS = ("raw", "one", "two", "plain", "embedded")
PATIENCE = 300.0  # seconds
PORTION = 50_000  # the embedded log keeps 5 MiB a partition: what comes on top would push out what was not read
FEWER = 5_000  # products, for the same reason
LOOPS = ("raw", "plain")  # what event_path_loops.py runs
Applied = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Result:
    """One run."""

    name: str
    events: int
    seconds: float
    worker: float  # seconds of CPU
    memory: float  # seconds of CPU of Redis

    @property
    def rate(self) -> float:
        return self.events / self.seconds

    def line(self, raw: float) -> str:
        of_raw = f"{self.rate / raw:6.2f}" if raw else "     –"
        worker, memory = (1e6 * used / self.events for used in (self.worker, self.memory))
        return f"{self.name:<44}{self.events:>9,}{self.rate:>11,.0f}{of_raw}{worker:>11,.1f}{memory:>10,.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--only", default=",".join(RUNS), help="which runs, with commas; the result of all is kept")
    kept.options(parser)
    options = parser.parse_args()
    wanted = options.only.split(",")
    with ExitStack() as stack:
        results: list[Result] = []
        if set(wanted) - {"embedded"}:
            real = stack.enter_context(servers())
            load_products(real)
            results += [run(name, real, options.events, options.users) for name in wanted if name != "embedded"]
        if "embedded" in wanted:
            small = stack.enter_context(embedded())
            load_products(small)
            results.append(run("embedded", small, options.events, options.users))
    lines = list(table(results, options))
    print(*lines, sep="\n")
    if set(wanted) == set(RUNS) and not options.no_keep:
        kept.keep(__file__, lines)


def table(results: list[Result], options: argparse.Namespace) -> Iterator[str]:
    raw = next((result.rate for result in results if result.name.startswith("raw")), 0.0)
    plain = next((result.rate for result in results if result.name.startswith("by hand")), 0.0)
    cores = len(psutil.Process().cpu_affinity())
    yield f"JSON clicks, {options.users:,} users (Zipf), {PRODUCTS:,} products, {PARTITIONS} partitions, {cores} cores"
    yield f"{'':<44}{'events':>9}{'events/s':>11}{'raw':>6}{'worker µs':>11}{'redis µs':>10}"
    yield from (result.line(raw) for result in results)
    for result in results:
        if plain and result.name.startswith("needs"):
            yield f"{result.name}: {result.rate / plain:,.0f} × by hand"


def run(name: str, engines: Engines, events: int, users: int) -> Result:
    """Drain `events` with the readers of `name`."""
    if name == "plain":
        events = PLAIN
    engines.empty(CLICKS)
    memory = redis.Redis.from_url(engines.redis_url)
    records, portion = clicks(events, users, products_of(engines)), events if engines.real else PORTION
    seconds = worker = server_cpu = 0.0
    with readers(name, engines, memory) as (processes, applied, title):
        server = psutil.Process(int(memory.info("server")["process_id"]))
        for begin in range(0, events, portion):
            end = min(begin + portion, events)
            for process in processes:
                process.suspend()
            fill(engines, islice(records, end - begin))
            before, before_server, started = cpu(processes), cpu([server]), time.perf_counter()
            for process in processes:
                process.resume()
            while applied() < end:
                if time.perf_counter() - started > PATIENCE:
                    raise SystemExit(f"{name}: {applied():,} of {end:,} events after {PATIENCE:.0f} s")
                time.sleep(0.01)
            seconds += time.perf_counter() - started
            worker += cpu(processes) - before
            server_cpu += cpu([server]) - before_server
        return Result(title, events, seconds, worker, server_cpu)


@contextmanager
def readers(
    name: str, engines: Engines, memory: redis.Redis[bytes]
) -> Iterator[tuple[list[psutil.Process], Applied, str]]:
    """Processes that have joined their group, and how to tell what they applied."""
    log = engines.folder / f"{name}.log"
    commands = {
        "raw": [[sys.executable, str(HERE / "event_path_loops.py"), "raw"]],
        "plain": [[sys.executable, str(HERE / "event_path_loops.py"), "plain"]],
        "one": [[sys.executable, "-m", "attune_embedded.service", "needs"]],
        "two": [[sys.executable, "-m", "attune_embedded.service", "needs"]] * 2,
        "embedded": [[sys.executable, "-m", "attune_embedded.service", "needs"]],
    }[name]
    titles = {
        "raw": "raw aiokafka getmany + decode",
        "plain": "by hand: GET, fold, SET, commit per event",
        "one": "needs, one worker",
        "two": "needs, two workers",
        "embedded": "needs, one, embedded edition, 5,000 products",
    }
    env = {**os.environ, **engines.environment(), "ATTUNE_LOG_LEVEL": "INFO"}
    with log.open("wb") as out:
        started = [subprocess.Popen(command, env=env, stdout=out, stderr=out) for command in commands]
        try:
            wait_until_ready(log, len(started))
            if engines.real:
                wait_until_shared(engines.kafka, f"loop-{started[0].pid}" if name in LOOPS else "attune-needs", started)
            if name not in LOOPS:
                wait_for_products(engines.kafka, log)
            wait_until_quiet(started)
            processes = [psutil.Process(process.pid) for process in started]
            yield processes, counter(name, memory), titles[name]
        finally:
            for process in started:
                process.send_signal(signal.SIGCONT)
                process.terminate()
            for process in started:
                process.wait(30)


def counter(name: str, memory: redis.Redis[bytes]) -> Applied:
    """How many events are in Redis (for the raw loop: were decoded), from what is written together with them."""

    def of_needs() -> int:
        guards = memory.mget([f"need:{{{partition}}}:#off" for partition in range(PARTITIONS)])
        return sum(json.loads(guard).get(CLICKS, ("", 0))[1] for guard in guards if guard)

    return (lambda: int(memory.get("loop") or 0)) if name in LOOPS else of_needs


def products_of(engines: Engines) -> int:
    """How many products there are."""
    return PRODUCTS if engines.real else FEWER


def clicks(events: int, users: int, products: int) -> Iterator[tuple[str, bytes]]:
    """Key and value of each, as a shop's tracker writes them."""
    chance = np.random.default_rng(11)
    weights = 1.0 / np.arange(1, users + 1) ** 1.1
    who = chance.choice(users, size=events, p=weights / weights.sum())
    what, how = chance.integers(products, size=events), chance.integers(len(KINDS), size=events)
    for number, (user, product, kind) in enumerate(zip(who.tolist(), what.tolist(), how.tolist(), strict=True)):
        at = (START + timedelta(milliseconds=20 * number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event = {
            "event_id": f"{number:016x}-{user:08x}", "tenant": "default", "user_id": f"user-{user:07d}",
            "session_id": f"session-{user % 977:06d}", "occurred_at": at, "kind": KINDS[kind],
            "product_id": f"product-{product:06d}", "surface": "category-page",
        }  # fmt: skip
        yield str(event["user_id"]), json.dumps(event).encode()


def fill(engines: Engines, records: Iterator[tuple[str, bytes]]) -> None:
    """Write and wait until Kafka has acknowledged all."""
    producer = Producer(
        {"bootstrap.servers": engines.kafka, "partitioner": "murmur2_random", "linger.ms": 20, "acks": "all"}
    )
    for key, value in records:
        while True:
            try:
                producer.produce(CLICKS, value, key, on_delivery=surely)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush(60)


def surely(error: object, _message: object) -> None:
    """A record that Kafka did not take would make the log shorter than it is said to be."""
    if error is not None:
        raise SystemExit(f"Kafka did not take a record: {error}")


def load_products(engines: Engines) -> None:
    """What the events are about."""
    engines.empty(PRODUCT_VECTORS)
    chance, space = np.random.default_rng(5), StaticEncoder.load().space
    producer = Producer({"bootstrap.servers": engines.kafka, "partitioner": "murmur2_random", "linger.ms": 20})
    for number in range(products_of(engines)):
        vector = chance.standard_normal(256).astype("<f4")
        vector /= np.linalg.norm(vector)
        product: dict[str, Any] = {
            "tenant": "default", "product_id": f"product-{number:06d}", "category": f"c{number % 200}",
            "brand": f"b{number % 500}", "words": [{"word": f"word{number % 3000}", "weight": 1}],
            "vectors": [{"data": base64.b64encode(vector.tobytes()).decode(), "dim": 256, "space": space}],
        }  # fmt: skip
        producer.produce(PRODUCT_VECTORS, json.dumps(product).encode(), product["product_id"], on_delivery=surely)
        producer.poll(0)
    producer.flush(60)


if __name__ == "__main__":
    main()
