"""Logs tell what happened and never what a person is called or wrote."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from confluent_kafka import Producer
from recommender_process import free_address

from attune.needs.v1 import needs_pb2
from attune.needs.v1.needs_pb2_grpc import NeedsServiceStub
from attune.qa.v1 import qa_pb2
from attune.qa.v1.qa_pb2_grpc import QaServiceStub
from attune.types.v1.types_pb2 import UserRef, Watermark
from chassis import telemetry

USER, WORDS = "Ünal O'Brien <unal@mail.example> 王小明", "my secret rash, 我的皮疹, +49 170 5550199 \U0001f600"
SECRETS = ["Ünal", "O'Brien", "unal@", "王小明", "rash", "皮疹", "5550199"]
FORMS = [*SECRETS, *(json.dumps(each)[1:-1] for each in SECRETS), *(repr(each.encode())[2:-1] for each in SECRETS)]


def named(log: str) -> list[str]:
    """What of a person a log holds, as it is or escaped."""
    return [each for each in FORMS if each in log]


@contextmanager
def service(name: str, folder: Path, **told: str) -> Iterator[tuple[grpc.Channel, Path]]:
    """A service of its own process that logs all it can."""
    address, path = free_address(), folder / f"{name}.log"
    environment = os.environ | told | {"ATTUNE_GRPC_LISTEN": address, "ATTUNE_LOG_LEVEL": "DEBUG"}
    command = [sys.executable, "-m", "attune_embedded.service", name]
    with path.open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        with grpc.insecure_channel(address) as wire:
            grpc.channel_ready_future(wire).result(60)
            yield wire, path
    finally:
        process.terminate()
        process.wait(20)


def send(kafka: str, topic: str, key: str, value: bytes) -> Watermark:
    producer, found = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random"}), []
    producer.produce(topic, value, key, on_delivery=lambda _, m: found.append((m.partition(), m.offset())))
    producer.flush(10)
    return Watermark(topic=topic, partition=found[0][0], offset=found[0][1])


def record(**fields: Any) -> bytes:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return json.dumps({"event_id": f"{USER} {time.time_ns()}", "user_id": USER, "occurred_at": now, **fields}).encode()


def test_needs_reads_names_and_texts_and_logs_none(kafka: str, redis_url: str, tenant: str, tmp_path: Path) -> None:
    with service("needs", tmp_path, ATTUNE_KAFKA=kafka, ATTUNE_REDIS_URL=redis_url) as (wire, log):
        needs, who = NeedsServiceStub(wire), UserRef(tenant=tenant, user_id=USER)
        queries, clicks = "attune.queries.v1", "attune.clickstream.v1"
        marks = [
            send(kafka, queries, USER, record(tenant=tenant, kind="search", text=WORDS)),
            send(kafka, queries, USER, record(tenant=tenant, kind=WORDS, text=WORDS)),
            send(kafka, clicks, USER, record(tenant=tenant, kind="review", text=WORDS, product_id=WORDS[:20])),
            send(kafka, clicks, USER, f"{USER}: {WORDS}".encode()),
            send(kafka, "attune.users.v1", USER, record(tenant=tenant, attributes={"said": WORDS})),
        ]
        assert not needs.GetNeed(needs_pb2.GetNeedRequest(user=who, at_least=marks), timeout=50).served.stale
        needs.GetProfile(needs_pb2.GetProfileRequest(user=who), timeout=20)
        with pytest.raises(grpc.RpcError):
            needs.GetNeed(needs_pb2.GetNeedRequest(user=UserRef(user_id=f"{USER}\x01")), timeout=20)
        needs.EraseUser(needs_pb2.EraseUserRequest(user=who), timeout=20)
    assert "listening" in log.read_text()
    assert named(log.read_text()) == []


def test_qa_is_asked_and_logs_no_question(kafka: str, redis_url: str, tenant: str, tmp_path: Path) -> None:
    told = {"ATTUNE_KAFKA": kafka, "ATTUNE_REDIS_URL": redis_url, "ATTUNE_QDRANT_URL": f"edge://{tmp_path}/qdrant"}
    away = {"ATTUNE_NEEDS_ADDRESS": "127.0.0.1:1", "ATTUNE_RECOMMENDER_ADDRESS": "127.0.0.1:1"}
    with service("qa", tmp_path, **told, **away) as (wire, log):
        qa, who = QaServiceStub(wire), UserRef(tenant=tenant, user_id=USER)
        assert list(qa.Ask(qa_pb2.AskRequest(user=who, text=WORDS), timeout=20))
        with pytest.raises(grpc.RpcError):
            list(qa.Ask(qa_pb2.AskRequest(user=UserRef(user_id=f"{USER}\x01"), text=WORDS), timeout=20))
    assert "listening" in log.read_text()
    assert named(log.read_text()) == []


def test_an_exception_is_logged_as_what_and_where_without_its_message() -> None:
    def read(text: str) -> float:
        try:
            return float(text)
        except ValueError as error:
            raise LookupError(f"no number in {text}") from error

    with pytest.raises(LookupError) as caught:
        read(WORDS)
    said = telemetry.where((caught.type, caught.value, caught.tb))
    assert "LookupError" in said
    assert "ValueError" in said
    assert "test_rpc_logs.py" in said
    assert named(said) == []


def test_an_exception_whose_cause_leads_back_to_it_is_logged_once() -> None:
    first, second = LookupError(WORDS), ValueError(WORDS)
    first.__cause__, second.__cause__ = second, first
    assert telemetry.where((LookupError, first, None)) == "LookupError\n\nwhile handling:\nValueError"


async def test_a_task_that_failed_unseen_is_logged_without_the_message(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        raise LookupError(WORDS)

    with caplog.at_level(logging.ERROR, "asyncio"):
        task = asyncio.create_task(fails())
        await asyncio.wait([task])
        del task
    formatter = telemetry._WithoutTexts("%(levelname)s %(name)s %(message)s")
    said = "\n".join(formatter.format(each) for each in caplog.records)
    assert "Task exception was never retrieved" in said
    assert "LookupError" in said
    assert named(said) == []
