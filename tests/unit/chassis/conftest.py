"""A consumer on a real broker, with a group and a tenant of its own for each test."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from consuming import CLICKS, Consume, Handle
from faststream.kafka import KafkaBroker

from attune.events.v1.clickstream_pb2 import ClickstreamEvent
from chassis.kafka import (
    Consumer,
    Producer,
    Progress,
    Route,
    proto_decoder,
)
from chassis.kafka.dead_letters import DeadLetters
from chassis.settings import ProcessSettings


@pytest.fixture
def run() -> str:
    return f"r{uuid.uuid4().hex[:8]}"


@pytest.fixture
def settings(kafka: str) -> ProcessSettings:
    return ProcessSettings(
        kafka=kafka,
        session_timeout=timedelta(seconds=3),
        retry_first=timedelta(milliseconds=5),
        retries_before_isolation=2,
    )


@pytest.fixture
async def producer(kafka: str) -> AsyncIterator[Producer]:
    made = Producer(kafka, max_request_bytes=4_000_000)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def consume(settings: ProcessSettings, producer: Producer, run: str) -> Consume:
    @asynccontextmanager
    async def running(
        handle: Handle, *, group: str | None = run, at_once: int | None = None, **more: Any
    ) -> AsyncIterator[Any]:
        route = Route(CLICKS, proto_decoder(ClickstreamEvent), handle, at_once=at_once)
        consumer = Consumer([route], group=group, name="clicks", **more)
        progress = Progress()
        broker = KafkaBroker(settings.kafka, logger=None, allow_auto_create_topics=False)
        dead_letters = DeadLetters(producer, service="test", max_bytes=settings.max_record_bytes)
        consumer.attach(broker, settings, service="test", dead_letters=dead_letters, progress=progress)
        await broker.start()
        await consumer.begin()
        try:
            yield consumer, progress
        finally:
            await consumer.finish()
            await broker.stop()

    return running
