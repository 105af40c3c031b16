"""Engines for a benchmark of the event path: real servers, or the embedded edition."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from attune_embedded.ports import remember
from attune_embedded.topics import declared
from attune_servers import Servers

PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Engines:
    """A log and a memory."""

    kafka: str
    redis_url: str
    folder: Path
    real: bool

    def environment(self) -> dict[str, str]:
        """What a service must know of them."""
        return {"ATTUNE_KAFKA": self.kafka, "ATTUNE_REDIS_URL": self.redis_url, "ATTUNE_GRPC_LISTEN": "127.0.0.1:0"}

    def empty(self, topic: str) -> None:
        """Nothing is remembered, and the topic begins a new life."""
        redis.Redis.from_url(self.redis_url).flushall()
        if self.real:
            admin = AdminClient({"bootstrap.servers": self.kafka})
            admin.delete_topics([topic])[topic].result(20)
            until(admin, topic, 0)  # the broker hears of it after the controller, and takes records for the old one
            make(admin, topic)
            until(admin, topic, PARTITIONS)


def make(admin: AdminClient, *topics: str) -> None:
    """Topics, each as soon as its name is free."""
    for topic in topics:
        for left in reversed(range(100)):
            try:
                admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(20)
                break
            except KafkaException:
                if not left:
                    raise
                time.sleep(0.2)


def until(admin: AdminClient, topic: str, partitions: int) -> None:
    """Return when the broker knows that many partitions of a topic with leaders."""
    for _ in range(100):
        known = admin.list_topics(timeout=20).topics.get(topic)
        if sum(partition.leader >= 0 for partition in (known.partitions if known else {}).values()) == partitions:
            return
        time.sleep(0.1)
    raise SystemExit(f"{topic} does not have {partitions} partitions")


@contextmanager
def servers() -> Iterator[Engines]:
    """Real Kafka and Redis: those of ATTUNE_KAFKA and ATTUNE_REDIS_URL, whose data is deleted, else our own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "ATTUNE_KAFKA" in os.environ:
            admin = AdminClient({"bootstrap.servers": os.environ["ATTUNE_KAFKA"]})
            there = admin.list_topics(timeout=20).topics
            make(admin, *(topic.name for topic in declared() if topic.name not in there))
            yield Engines(os.environ["ATTUNE_KAFKA"], os.environ["ATTUNE_REDIS_URL"], folder, real=True)
            return
        started = Servers(folder, neo4j=False)
        with asyncio.Runner() as runner:
            runner.run(started.start())
            try:
                runner.run(started.make_topics(PARTITIONS))
                yield Engines(started.kafka, started.redis_url, folder, real=True)
            finally:
                runner.run(started.stop())


@contextmanager
def embedded() -> Iterator[Engines]:
    """The engines of `make run`, in processes of their own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        port = remember(folder / "ports.json", ["redis"], random.Random())["redis"]
        log = [sys.executable, "-m", "attune_embedded.broker", "--partitions", str(PARTITIONS)]
        memory = [sys.executable, "-m", "attune_embedded.redis", "--data", name, "--port", str(port)]
        with (
            subprocess.Popen(log, stdout=subprocess.PIPE, text=True) as broker,
            subprocess.Popen(memory, stdout=subprocess.DEVNULL) as store,
        ):
            try:
                bootstrap = json.loads(broker.stdout.readline())["bootstrap"] if broker.stdout else ""
                yield Engines(bootstrap, f"redis://127.0.0.1:{port}/0", folder, real=False)
            finally:
                broker.terminate()
                store.terminate()
