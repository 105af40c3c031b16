"""Engines and services for a benchmark, each its own process, with the demo's catalogue and templates in them."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import psutil
from confluent_kafka import Consumer, TopicPartition

from attune.content.v1.content_pb2 import ComposeRequest
from attune.content.v1.content_pb2_grpc import ContentServiceStub
from attune.needs.v1.needs_pb2 import GetNeedRequest
from attune.needs.v1.needs_pb2_grpc import NeedsServiceStub
from attune.recommender.v1.recommender_pb2 import RecommendRequest
from attune.recommender.v1.recommender_pb2_grpc import RecommenderServiceStub
from attune.types.v1.types_pb2 import UserRef, Watermark
from attune_demo import files
from attune_embedded.plan import health_name
from attune_servers import Servers
from chassis.rpc.probe import serving

EDITIONS = {"servers": "real Kafka and Redis", "embedded": "the embedded broker and Redis"}
_READY = 600.0  # seconds a service may take to start on busy cores, with a million products


@dataclass(slots=True)
class Platform:
    """Where everything is, and its processes by name: the services, and the engines `log` and `redis`."""

    kafka: str
    redis_url: str
    addresses: dict[str, str] = field(default_factory=dict)
    processes: dict[str, psutil.Process] = field(default_factory=dict)
    products: list[str] = field(default_factory=list)  # of the demo
    seconds: dict[str, float] = field(default_factory=dict)  # until a service was ready

    def environment(self) -> dict[str, str]:
        """What a process must know of it."""
        named = {f"ATTUNE_{name.upper()}_ADDRESS": address for name, address in self.addresses.items()}
        return named | {"ATTUNE_KAFKA": self.kafka, "ATTUNE_REDIS_URL": self.redis_url}

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU that each process has used, with those it has started."""
        return {
            name: sum(sum(each.cpu_times()[:2]) for each in (process, *process.children(recursive=True)))
            for name, process in self.processes.items()
        }


def first() -> None:
    """Put this process, and those it will start, before all others of a machine that does other work. Needs root."""
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


@asynccontextmanager
async def platform(
    edition: str, services: Sequence[str], *, demo: bool = True, **settings: str
) -> AsyncIterator[Platform]:
    """Ready, and the demo's shop loaded where there is a recommender to read it, unless without `demo`."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="attune-bench-")))
        made = await stack.enter_async_context(_engines(edition, folder))
        addresses = {name: f"127.0.0.1:{free_port()}" for name in services}
        made.addresses = {**dict.fromkeys(("needs", "recommender"), "127.0.0.1:1"), **addresses}
        for name, address in addresses.items():
            told = {
                "ATTUNE_QDRANT_URL": f"edge://{folder}/qdrant",
                "ATTUNE_GRAPH_URL": f"sqlite://{folder}/graph.db",
                "ATTUNE_GRPC_LISTEN": address,
                "ATTUNE_LOG_LEVEL": "ERROR",
                **settings,
            }
            run = ["attune_embedded.service", name] if edition == "embedded" else [name]
            process = stack.enter_context(running([sys.executable, "-m", *run], made.environment() | told))
            made.processes[name] = process
        for name, address in addresses.items():
            await until_ready(address, health_name(name), made.processes[name])
        if demo and "recommender" in services:
            await asyncio.to_thread(_load_demo, made, folder)
        yield made


@asynccontextmanager
async def _engines(edition: str, folder: Path) -> AsyncIterator[Platform]:
    if edition == "servers":
        async with Servers(folder / "servers", neo4j=False) as servers:
            await servers.make_topics()
            pids = {"log": servers.pid("kafka"), "redis": servers.pid("redis")}
            found = {name: psutil.Process(pid) for name, pid in pids.items()}
            yield Platform(servers.kafka, servers.redis_url, processes=found)
        return
    with embedded_engines(folder) as found:
        yield found


@contextmanager
def embedded_engines(folder: Path) -> Iterator[Platform]:
    port = free_port()
    log = subprocess.Popen([sys.executable, "-m", "attune_embedded.broker"], stdout=subprocess.PIPE, text=True)
    bootstrap = json.loads(log.stdout.readline())["bootstrap"] if log.stdout else ""
    memory = [sys.executable, "-m", "attune_embedded.redis", "--data", str(folder / "redis"), "--port", str(port)]
    try:
        with running(memory, {}) as redis:
            found = {"log": psutil.Process(log.pid), "redis": redis}
            yield Platform(bootstrap, f"redis://127.0.0.1:{port}/0", processes=found)
    finally:
        log.terminate()
        log.wait(10)


@contextmanager
def running(command: Sequence[str], told: Mapping[str, str]) -> Iterator[psutil.Process]:
    process = subprocess.Popen(command, env={**os.environ, **told}, stdout=subprocess.DEVNULL)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:  # a busy machine
            process.kill()
            process.wait()


async def until_ready(address: str, service: str, process: psutil.Process) -> None:
    until = time.monotonic() + _READY
    while not await asyncio.to_thread(serving, address, service):
        if time.monotonic() > until or not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            raise RuntimeError(f"{service} at {address} did not become ready")
        await asyncio.sleep(0.2)


def _load_demo(made: Platform, folder: Path) -> None:
    """As a shop does it, from files over the command line; returns when every service has read it."""
    shop = files(folder / "shop", until=datetime.now(UTC))
    for kind, path in {"catalog": shop.catalog, "templates": shop.templates, "users": shop.users}.items():
        command = [sys.executable, "-m", "attune_cli", "load", kind, str(path), "--no-wait"]
        subprocess.run(command, env={**os.environ, **made.environment()}, check=True, stdout=subprocess.DEVNULL)
    lines = shop.catalog.read_text(encoding="utf-8").splitlines()
    made.products = [json.loads(line)["product_id"] for line in lines]
    who = UserRef(user_id="first")
    recommender, needs, content = (
        grpc.insecure_channel(made.addresses[n]) for n in ("recommender", "needs", "content")
    )
    at_least = written_until(made.kafka, "attune.catalog.v1", len(lines))
    RecommenderServiceStub(recommender).Recommend(RecommendRequest(user=who, at_least=at_least), timeout=_READY)
    at_least = written_until(made.kafka, "attune.product-vectors.v1", len(lines))
    NeedsServiceStub(needs).GetNeed(GetNeedRequest(user=who, at_least=at_least), timeout=_READY)
    at_least = written_until(made.kafka, "attune.templates.v1", 1)
    request = ComposeRequest(user=who, product_id=made.products[0], channel="banner", at_least=at_least)
    ContentServiceStub(content).Compose(request, timeout=_READY)


def written_until(kafka: str, topic: str, records: int) -> list[Watermark]:
    """The last position of each partition, as soon as there are so many records."""
    reader = Consumer({"bootstrap.servers": kafka, "group.id": "bench"})
    try:
        while True:
            parts = reader.list_topics(topic, timeout=20).topics[topic].partitions
            ends = {part: reader.get_watermark_offsets(TopicPartition(topic, part), timeout=20)[1] for part in parts}
            if sum(ends.values()) >= records:
                return [Watermark(topic=topic, partition=p, offset=end - 1) for p, end in ends.items() if end]
            time.sleep(0.1)
    finally:
        reader.close()


def free_port() -> int:
    """Of this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
