"""When the readers of a benchmark of the event path have nothing left to do but to read events."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import grpc
import psutil
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from event_path_engines import PARTITIONS

from attune.needs.v1.needs_pb2 import GetNeedRequest
from attune.needs.v1.needs_pb2_grpc import NeedsServiceStub
from attune.types.v1.types_pb2 import UserRef, Watermark

CLICKS, PRODUCT_VECTORS = "attune.clickstream.v1", "attune.product-vectors.v1"
PATIENCE = 60.0  # seconds
QUIET = 3  # half seconds


def wait_until_ready(log: Path, count: int) -> None:
    """Each reader says so once; one that is not ready yet says other words."""
    until = time.monotonic() + 60
    while log.read_bytes().count(b'"event": "ready"') < count:
        if time.monotonic() > until:
            raise SystemExit(f"the readers did not start: {log.read_text()[-2000:]}")
        time.sleep(0.05)


def wait_until_shared(kafka: str, group: str, started: list[subprocess.Popen[bytes]]) -> None:
    """Each reader has its share of the partitions: of two, the first has given half away."""
    admin, until = AdminClient({"bootstrap.servers": kafka}), time.monotonic() + 60
    share = PARTITIONS // len(started)
    while True:
        members = admin.describe_consumer_groups([group])[group].result(20).members
        held = [len([tp for tp in m.assignment.topic_partitions if tp.topic == CLICKS]) for m in members]
        if held == [share] * len(started):
            return
        if time.monotonic() > until:
            raise SystemExit(f"the readers of {group} hold {held} partitions of {CLICKS}")
        time.sleep(0.1)


def wait_for_products(kafka: str, log: Path) -> None:
    """Every service that `log` names has read all vectors there are."""
    reader, marks = Consumer({"bootstrap.servers": kafka, "group.id": "event-path"}), []
    for partition in range(PARTITIONS):
        _, end = reader.get_watermark_offsets(TopicPartition(PRODUCT_VECTORS, partition), timeout=20)
        marks += [Watermark(topic=PRODUCT_VECTORS, partition=partition, offset=end - 1)] if end else []
    reader.close()
    said = [json.loads(line) for line in log.read_text().splitlines() if '"event": "listening"' in line]
    request = GetNeedRequest(user=UserRef(tenant="nobody", user_id="nobody"), at_least=marks)
    for address in {line["address"] for line in said}:
        with grpc.insecure_channel(address) as channel:
            if NeedsServiceStub(channel).GetNeed(request, timeout=PATIENCE, wait_for_ready=True).served.stale:
                raise SystemExit(f"{address} has not read the products: {log.read_text()[-2000:]}")


def wait_until_quiet(started: list[subprocess.Popen[bytes]]) -> None:
    """Nothing of the start is left to do when the first click comes."""
    processes = [psutil.Process(process.pid) for process in started]
    quiet, before = 0, cpu(processes)
    while quiet < QUIET:
        time.sleep(0.5)
        now = cpu(processes)
        quiet = quiet + 1 if now - before < 0.15 * len(started) else 0
        before = now


def cpu(processes: list[psutil.Process]) -> float:
    """Seconds of CPU used so far."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)
