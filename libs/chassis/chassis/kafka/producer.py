"""Writing to Kafka: keyed by murmur2, acknowledged by all replicas, without duplicates of its own making."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Literal

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata
from google.protobuf import json_format
from google.protobuf.message import Message

from chassis.kafka.progress import Position

JSON, PROTOBUF = "application/json", "application/x-protobuf"
Form = Literal["json", "protobuf"]
# Bytes of one partition that are written at once. A partition has one batch under way: with the 16 KiB that are usual,
# a hundred vectors of products wait for a dozen answers, one after the other.
_BATCH = 262_144


class Producer:
    """An idempotent producer."""

    def __init__(self, bootstrap: str, *, max_request_bytes: int = 1_048_576) -> None:
        self._bootstrap, self._max_request_bytes = bootstrap, max_request_bytes
        self._producer: AIOKafkaProducer | None = None

    @property
    def bootstrap(self) -> str:
        """The log it writes to."""
        return self._bootstrap

    @property
    def max_request_bytes(self) -> int:
        """The longest record it writes, key and headers included."""
        return self._max_request_bytes

    async def start(self) -> None:
        """Connect."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            max_request_size=self._max_request_bytes,
            max_batch_size=min(_BATCH, self._max_request_bytes),
            request_timeout_ms=10_000,
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Flush and disconnect."""
        if self._producer is not None:
            await self._producer.stop()

    async def send(
        self,
        topic: str,
        key: str,
        message: Message | None,
        headers: Mapping[str, str] | None = None,
        form: Form = "protobuf",
    ) -> Position:
        """Write one message (None: a tombstone) and wait until Kafka has it."""
        return _position(await (await self._enqueue(topic, key, message, headers or {}, form)))

    async def send_many(
        self, topic: str, messages: Iterable[tuple[str, Message | None]], form: Form = "protobuf"
    ) -> list[Position]:
        """Write (key, message) pairs in their order and wait until Kafka has them all."""
        waiting = [await self._enqueue(topic, key, message, {}, form) for key, message in messages]
        return list(map(_position, await asyncio.gather(*waiting)))

    async def send_raw(self, topic: str, key: str | None, value: bytes | None, headers: Mapping[str, str]) -> Position:
        """Write bytes as they are."""
        return _position(await (await self._put(topic, key, value, headers)))

    async def _enqueue(
        self, topic: str, key: str, message: Message | None, headers: Mapping[str, str], form: Form
    ) -> asyncio.Future[RecordMetadata]:
        if message is None:
            return await self._put(topic, key, None, headers)
        if form == "json":
            text = json_format.MessageToJson(message, preserving_proto_field_name=True, indent=None)
            return await self._put(topic, key, text.encode(), {"content-type": JSON, **headers})
        return await self._put(topic, key, message.SerializeToString(), {"content-type": PROTOBUF, **headers})

    async def _put(
        self, topic: str, key: str | None, value: bytes | None, headers: Mapping[str, str]
    ) -> asyncio.Future[RecordMetadata]:
        assert self._producer is not None, "start() first"  # noqa: S101 - a bug of ours, not a state of the world
        encoded = [(name, text.encode()) for name, text in headers.items()]
        sent: asyncio.Future[RecordMetadata] = await self._producer.send(
            topic, value, key=None if key is None else key.encode(), headers=encoded
        )
        return sent


def _position(written: RecordMetadata) -> Position:
    return Position(written.topic, written.partition, written.offset)
