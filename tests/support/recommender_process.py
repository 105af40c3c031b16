"""The recommender as a process of its own, used as any producer and any caller would."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
from confluent_kafka import Producer
from ports import free_port

from attune.recommender.v1 import recommender_pb2 as pb
from attune.recommender.v1.recommender_pb2_grpc import RecommenderServiceStub
from attune.types.v1.types_pb2 import UserRef, Watermark

CATALOG, CLICKS = "attune.catalog.v1", "attune.clickstream.v1"


class House:
    """`python -m recommender` in a folder, without the needs service unless someone opens it."""

    def __init__(self, folder: Path, kafka: str, settings: Mapping[str, str] | None = None) -> None:
        """Launches it. `settings` are told besides, or instead."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.needs_address, self.address = folder, free_address(), free_address()
        self._environment = os.environ | {
            "ATTUNE_KAFKA": kafka,
            "ATTUNE_QDRANT_URL": f"edge://{folder}/qdrant",
            "ATTUNE_GRAPH_URL": f"sqlite://{folder}/graph.db",
            "ATTUNE_NEEDS_ADDRESS": self.needs_address,
            "ATTUNE_GRPC_LISTEN": self.address,
            "ATTUNE_SESSION_TIMEOUT": "PT3S",
            **(settings or {}),
        }
        self._producer = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random"})
        self._channel = grpc.insecure_channel(self.address)
        self._numbers = itertools.count()
        self.launch()

    def start(self) -> None:
        self.launch()
        self.ready()

    def launch(self) -> None:
        self._channel.close()  # it may not have noticed yet that the process before is gone
        self._channel = grpc.insecure_channel(self.address)
        self.stub = RecommenderServiceStub(self._channel)
        command = [sys.executable, "-m", "attune_embedded.service", "recommender"]
        log = (self.folder / "log").open("a")
        self._process = subprocess.Popen(command, env=self._environment, stderr=log)
        log.close()

    def said(self) -> str:
        """What it has logged so far."""
        return (self.folder / "log").read_text()

    def ready(self) -> None:
        grpc.channel_ready_future(self._channel).result(90)  # on a machine with other work

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)

    def leave(self) -> None:
        """As in a rolling restart."""
        self._process.terminate()
        assert self._process.wait(15) == 0

    def stop(self) -> None:
        self.leave()
        self._channel.close()

    def send(self, topic: str, key: str, value: dict[str, Any] | bytes | None) -> Watermark:
        """The way of any producer: JSON and a key."""
        found: list[Watermark] = []

        def delivered(error: Any, message: Any) -> None:
            assert error is None
            found.append(Watermark(topic=topic, partition=message.partition(), offset=message.offset()))

        data = json.dumps(value).encode() if isinstance(value, dict) else value
        self._producer.produce(topic, value=data, key=key, on_delivery=delivered)
        assert self._producer.flush(10) == 0
        return found[0]

    def load(self, tenant: str, *products: dict[str, Any]) -> Watermark:
        return [self.send(CATALOG, p["product_id"], {**p, "tenant": tenant}) for p in products][-1]

    def act(
        self, tenant: str, user: str, product: str, kind: str = "view", event_id: str = "", at: float | None = None
    ) -> Watermark:
        then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
        event_id = event_id or f"{tenant}-{next(self._numbers)}"
        event = {"event_id": event_id, "tenant": tenant, "user_id": user, "kind": kind}
        return self.send(CLICKS, user, {**event, "product_id": product, "occurred_at": then})

    def recommend(self, tenant: str, user: str, *at_least: Watermark, **more: Any) -> pb.RecommendResponse:
        request = pb.RecommendRequest(user=UserRef(tenant=tenant, user_id=user), at_least=at_least, **more)
        return self.stub.Recommend(request, timeout=20)


def free_address() -> str:
    return f"127.0.0.1:{free_port()}"
