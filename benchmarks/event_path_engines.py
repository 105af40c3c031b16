"""Engines for a benchmark of the event path: real servers, or the embedded edition."""

from __future__ import annotations

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
from confluent_kafka.admin import AdminClient, NewTopic

from attune_embedded.ports import remember
from attune_embedded.topics import declared

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
            make(admin, topic)


def make(admin: AdminClient, *topics: str) -> None:
    """Topics, as soon as the name is free."""
    until = time.monotonic() + 20
    for topic, made in admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in topics]).items():
        while True:
            try:
                made.result(20)
                break
            except Exception as error:
                if "EXISTS" not in str(error) or time.monotonic() > until:
                    raise
                time.sleep(0.2)
                made = admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic]  # noqa: PLW2901


@contextmanager
def servers() -> Iterator[Engines]:
    """Real Kafka and Redis: those of ATTUNE_KAFKA and ATTUNE_REDIS_URL (their topics and keys are deleted), else own."""
    with tempfile.TemporaryDirectory() as folder:
        kafka, memory = os.environ.get("ATTUNE_KAFKA"), os.environ.get("ATTUNE_REDIS_URL")
        admin = AdminClient({"bootstrap.servers": str(kafka)})
        there = set(admin.list_topics(timeout=20).topics)
        missing = [topic.name for topic in declared() if topic.name not in there]
        if missing:
            make(admin, *missing)
        yield Engines(str(kafka), str(memory), Path(folder), real=True)


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
