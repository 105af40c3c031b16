"""The event log from outside: ends, committed offsets, records, without joining a group."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError

from chassis.kafka import Producer

Ends = dict[TopicPartition, int]
_WAIT = 5_000  # milliseconds
_PAUSE = 0.1  # seconds between two tries to find who keeps the offsets of a group


class Log:
    """Reads what Kafka knows of its topics and groups."""

    def __init__(self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> None:
        self._admin, self._idle = admin, consumer
        self._started = False
        self._coordinators: dict[str, int] = {}

    async def partitions(self, topics: Collection[str]) -> list[TopicPartition]:
        """Of those topics that exist."""
        found = await self._admin.describe_topics(list(topics))
        return [
            TopicPartition(topic["topic"], part["partition"])
            for topic in found
            if not topic["error_code"]
            for part in topic["partitions"]
        ]

    async def dead_topics(self) -> list[str]:
        return sorted(name for name in await self._admin.list_topics() if name.endswith(".dead"))

    async def ends(self, partitions: Sequence[TopicPartition]) -> Ends:
        """One after the last record of each."""
        return dict(await (await self._consumer()).end_offsets(partitions)) if partitions else {}

    async def begins(self, partitions: Sequence[TopicPartition]) -> Ends:
        """The first record of each that is still kept."""
        return dict(await (await self._consumer()).beginning_offsets(partitions)) if partitions else {}

    async def committed(self, group: str, partitions: Sequence[TopicPartition]) -> Ends:
        """The next offset the group will read of each; -1 where it has committed none."""
        return {tp: offset for tp, (offset, _) in (await self.commits(group, partitions)).items()}

    async def commits(self, group: str, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, tuple[int, str]]:
        """The committed offset of each with its metadata; (-1, "") where there is none."""
        until = time.monotonic() + _WAIT / 1000
        while True:
            try:
                found = await self._admin.list_consumer_group_offsets(
                    group, await self._coordinator(group), list(partitions)
                )
            except (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError):
                self._coordinators.pop(group, None)  # a Kafka that has just begun, or moves its groups
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(_PAUSE)
            else:
                return {
                    tp: (found[tp].offset, found[tp].metadata or "") if tp in found else (-1, "") for tp in partitions
                }

    async def _coordinator(self, group: str) -> int:
        if group not in self._coordinators:
            self._coordinators[group] = await self._admin.find_coordinator(group)
        return self._coordinators[group]

    async def records(
        self, partitions: Sequence[TopicPartition], between: tuple[int, int] | None = None
    ) -> AsyncIterator[ConsumerRecord]:
        """All records that are there now, partition by partition; only those of offsets in [begin, end) when given."""
        ends, begins = await self.ends(partitions), await self.begins(partitions)
        if between is not None:
            begins = {tp: max(begin, between[0]) for tp, begin in begins.items()}
            ends = {tp: min(end, between[1]) for tp, end in ends.items()}
        consumer = await self._consumer()
        for tp in partitions:
            if ends[tp] <= begins[tp]:
                continue
            consumer.assign([tp])
            consumer.seek(tp, begins[tp])
            while await consumer.position(tp) < ends[tp]:
                for record in (await consumer.getmany(tp, timeout_ms=_WAIT)).get(tp, []):
                    if record.offset < ends[tp]:
                        yield record

    async def _consumer(self) -> AIOKafkaConsumer:
        """Started when it is needed first: aiokafka cannot stop one that has only just begun."""
        if not self._started:
            await self._idle.start()
            self._started = True
        return self._idle


@asynccontextmanager
async def reading(bootstrap: str) -> AsyncIterator[Log]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=_WAIT)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, fetch_max_wait_ms=20)
    try:
        await admin.start()
        yield Log(admin, consumer)
    finally:
        await consumer.stop()
        await admin.close()


@asynccontextmanager
async def writing(bootstrap: str) -> AsyncIterator[Producer]:
    producer = Producer(bootstrap)
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()
