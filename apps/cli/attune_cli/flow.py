"""Sending much without outrunning the consumers: the embedded broker keeps 5 MiB of a partition and forgets the rest.

Invariant: never more than WINDOW bytes are sent that some group of the topic has not yet committed.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import TopicPartition
from google.protobuf.message import Message

from attune.needs.v1 import needs_pb2
from attune.types.v1.types_pb2 import UserRef, Watermark
from attune_cli.contract import GROUPS, VECTORS, key_of, topic_of
from attune_cli.failures import Refused
from attune_cli.log import Log
from attune_cli.services import Services
from chassis.kafka import Position, Producer

CHUNK_RECORDS = 2_000
CHUNK_BYTES = 512 * 1024
WINDOW = 2 * 1024 * 1024  # bytes; well below 5 MiB even when all keys fall into one partition
_OVERHEAD = 100  # bytes of a record beside its value, about
_PATIENCE = 30.0  # seconds without any progress of a group
_LOOK = 0.05  # seconds between two looks at the committed offsets


@dataclass(frozen=True, slots=True)
class _Chunk:
    topic: str
    size: int  # bytes
    last: dict[TopicPartition, int]  # the highest offset in each partition


class Flow:
    """Sends records of any topics in their order and knows when all groups have applied them."""

    def __init__(self, producer: Producer, log: Log, services: Services, *, keep_pace: bool = True) -> None:
        """Without `keep_pace` nothing is waited for but Kafka's own acknowledgement."""
        self._producer, self._log, self._services, self._keep_pace = producer, log, services, keep_pace
        self._waiting: list[Message] = []
        self._size = 0
        self._flying: deque[_Chunk] = deque()
        self.sent = 0

    async def put(self, message: Message) -> None:
        """Send a record soon; waits while the consumers are behind."""
        self._waiting.append(message)
        self._size += message.ByteSize() + _OVERHEAD
        if len(self._waiting) >= CHUNK_RECORDS or self._size >= CHUNK_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Send what was put."""
        waiting, self._waiting, self._size = self._waiting, [], 0
        for topic in dict.fromkeys(topic_of(type(message)) for message in waiting):
            chosen = [message for message in waiting if topic_of(type(message)) == topic]
            size = sum(message.ByteSize() + _OVERHEAD for message in chosen)
            await self._until_below(WINDOW - size)
            placed = await self._producer.send_many(topic, [(key_of(message), message) for message in chosen])
            if self._keep_pace:
                self._flying.append(_Chunk(topic, size, _last(placed)))
            self.sent += len(placed)

    async def settle(self) -> None:
        """Wait until everything that was sent is applied by every group of its topic, and vectors made of it too."""
        await self.flush()
        topics = {chunk.topic for chunk in self._flying}
        await self._until_below(0)
        if "attune.catalog.v1" in topics:
            await self.vectors_known()

    async def vectors_known(self) -> None:
        """Wait until needs knows every product vector: events of products it does not know would be refused."""
        ends = await self._log.ends(await self._log.partitions([VECTORS]))
        wanted = [Watermark(topic=tp.topic, partition=tp.partition, offset=end - 1) for tp, end in ends.items() if end]
        request = needs_pb2.GetNeedRequest(user=UserRef(user_id="nobody"), at_least=wanted)
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            with self._services.needs() as stub:
                if not (await stub.GetNeed(request)).served.stale:
                    return
        raise Refused(f"needs has not read {VECTORS} for {_PATIENCE:.0f} s: look at `attune status`")

    async def _until_below(self, size: int) -> None:
        """Wait until at most `size` bytes are not applied yet."""
        moved, before = time.monotonic(), -1
        while self._flying:
            if sum(chunk.size for chunk in self._flying) <= max(size, 0) and size > 0:
                return
            chunk = self._flying[0]
            behind, done = await self._behind(chunk)
            if not behind:
                self._flying.popleft()
            elif done != before:
                moved, before = time.monotonic(), done
            elif time.monotonic() - moved > _PATIENCE:
                raise Refused(
                    f"{', '.join(behind)} has not read {chunk.topic} for {_PATIENCE:.0f} s; {self.sent:,} records were "
                    "sent. Look at `attune status`; the command can be given again, repeats do no harm"
                )
            if behind:
                await asyncio.sleep(_LOOK)

    async def _behind(self, chunk: _Chunk) -> tuple[list[str], int]:
        """The groups that have not applied a chunk, and how far all of them are together."""
        behind, done = [], 0
        for group in GROUPS.get(chunk.topic, ()):
            committed = await self._log.committed(group, list(chunk.last))
            done += sum(committed.values())
            if any(committed[tp] <= offset for tp, offset in chunk.last.items()):
                behind.append(group)
        return behind, done


def _last(placed: Sequence[Position]) -> dict[TopicPartition, int]:
    last: dict[TopicPartition, int] = {}
    for each in placed:
        tp = TopicPartition(each.topic, each.partition)
        last[tp] = max(last.get(tp, -1), each.offset)
    return last
