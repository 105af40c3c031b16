"""One batch subscriber over several topics: at least once, in order per partition, partitions side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from chassis.kafka.dead_letters import DeadLetters
from chassis.kafka.identity import log_identity
from chassis.kafka.progress import Position, Progress
from chassis.kafka.records import Record, Route, Source
from chassis.kafka.worker import Worker
from chassis.settings import ProcessSettings
from chassis.telemetry import LAG, log

Resume = Callable[[Collection[Source]], Awaitable[Mapping[Source, int]]]
_PATIENCE = 0.25  # seconds a batch waits for a slow partition before the others go on without it


class Consumer:
    """Reads co-partitioned topics in one group, so that Range assignment gives a user's topics to one process.

    Invariants: records of a partition are applied in offset order, one slice at a time; an offset is committed only
    after its slice is in the sinks; a partition that is taken away is no longer worked on.
    """

    def __init__(
        self, routes: Sequence[Route[Any]], *, group: str | None, name: str, resume: Resume | None = None
    ) -> None:
        """`group` None: every replica reads all partitions from the beginning.

        `resume` tells, where a store keeps the applied offsets itself, from which offset each source goes on; it is
        asked at each assignment and wins over Kafka's committed offsets.
        """
        self.name = name
        self._routes = {route.topic: route for route in routes}
        self._group, self._resume = group, resume
        self._workers: dict[str, Worker] = {}
        self._running: dict[TopicPartition, asyncio.Task[None]] = {}
        self._done: dict[TopicPartition, int] = {}  # next offsets to commit
        self._applied: dict[TopicPartition, int] = {}  # next offsets, committed or not
        self._expected: dict[TopicPartition, int] = {}  # next offsets to come from Kafka
        self._baseline: asyncio.Task[None] | None = None
        self._identity = ""
        self._prepared = asyncio.Event()
        self._committer: asyncio.Task[None] | None = None

    @property
    def topics(self) -> list[str]:
        return list(self._routes)

    def attach(self, broker: KafkaBroker, settings: ProcessSettings, *, service: str, dead_letters: DeadLetters,
               progress: Progress) -> None:  # fmt: skip
        """Make the FastStream subscriber. Call before the broker starts."""
        self._settings, self._service, self._progress = settings, service, progress
        progress.consumes(self.topics)
        for topic, route in self._routes.items():
            self._workers[topic] = Worker(
                route, service=service, settings=settings, dead_letters=dead_letters, progress=progress
            )
        self._subscriber = broker.subscriber(
            *self.topics,
            group_id=self._group,
            batch=True,
            max_records=settings.batch_records,
            batch_timeout_ms=_ms(settings.batch_timeout.total_seconds()),
            fetch_max_wait_ms=_ms(settings.fetch_wait.total_seconds()),
            max_partition_fetch_bytes=settings.partition_fetch_bytes,
            auto_offset_reset="earliest",
            session_timeout_ms=_ms(settings.session_timeout.total_seconds()),
            heartbeat_interval_ms=_ms(settings.session_timeout.total_seconds() / 3),
            partition_assignment_strategy=(RangePartitionAssignor,),
            listener=_Listener(self) if self._group is not None else None,
            ack_policy=AckPolicy.MANUAL,  # we commit ourselves, after the sinks
            decoder=_no_decoding,  # one bad record must not sink the batch: we decode record by record
        )
        self._subscriber(self._on_batch)

    async def begin(self) -> None:
        """Call after the broker started."""
        if self._group is None:
            await self.assigned(list(self._consumer.assignment()))
        else:
            self._committer = asyncio.create_task(self._commit_regularly())

    async def finish(self) -> None:
        """Stop working and commit what is done. Call before the broker stops."""
        await self.revoked(list(self._running))
        for task in (self._committer, self._baseline):
            if task is not None:
                task.cancel()
        await self._commit()

    def alive(self) -> bool:
        """Whether the loop runs and knows what it reads: FastStream's ping stays green when it does not."""
        tasks = self._subscriber.tasks
        return self._prepared.is_set() and bool(tasks) and not any(task.done() for task in tasks)

    async def caught_up(self, within: float) -> bool:
        """Wait until everything that is in the topics now is applied; False after `within` seconds."""
        try:
            async with asyncio.timeout(within):
                partitions = list(self._consumer.assignment())
                ends = await self._consumer.end_offsets(partitions)
                last = [Position(tp.topic, tp.partition, end - 1) for tp, end in ends.items() if end > 0]
                return await self._progress.reached(last)
        except (TimeoutError, KafkaError):
            return False

    async def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """Find out where each partition starts; a store that keeps offsets itself is asked first."""
        self._identity = await log_identity(self._settings.kafka)
        sources = {Source(self._identity, tp.topic, tp.partition): tp for tp in partitions}
        stored = await self._resume(list(sources)) if self._resume is not None else {}
        for source, offset in stored.items():
            self._consumer.seek(sources[source], offset)
        self._prepared.set()
        # The positions are only known after this callback: asking for them here would wait for ourselves.
        self._baseline = asyncio.create_task(self._tell_start(sources))

    async def _tell_start(self, sources: Mapping[Source, TopicPartition]) -> None:
        """What lies before the start was applied by an earlier process: a reader may count on it."""
        for source, tp in sources.items():
            try:
                start = await self._consumer.position(tp)
            except KafkaError:  # taken away again meanwhile
                continue
            self._applied[tp] = max(start, self._applied.get(tp, 0)) if tp in self._expected else start
            await self._progress.applied(source, self._applied[tp])

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Stop working on these; what was not finished comes again at its next owner."""
        tasks = [self._running.pop(tp) for tp in partitions if tp in self._running]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._commit()
        for tp in partitions:
            for offsets in (self._done, self._applied, self._expected):
                offsets.pop(tp, None)

    @property
    def _consumer(self) -> AIOKafkaConsumer:
        consumer = self._subscriber.consumer
        assert consumer is not None, "the broker is started first"  # noqa: S101 - a bug of ours otherwise
        return consumer

    async def _on_batch(self, message: KafkaMessage) -> None:
        await self._prepared.wait()
        raw: tuple[ConsumerRecord, ...] = message.raw_message
        started = []
        for tp, group in groupby(raw, key=lambda r: TopicPartition(r.topic, r.partition)):
            records = list(group)
            if records[0].offset < self._expected.get(tp, 0):
                self._identity = await log_identity(self._settings.kafka)  # the log may have begun anew
            self._expected[tp] = records[-1].offset + 1
            previous = self._running.get(tp)
            task = asyncio.create_task(self._apply(tp, [_record(r) for r in records], previous))
            self._running[tp] = task
            started.append((tp, task))
        await asyncio.wait([task for _, task in started], timeout=_PATIENCE)
        for tp, task in started:
            if not task.done():
                self._consumer.pause(tp)
                task.add_done_callback(partial(self._resume_reading, tp))

    async def _apply(self, tp: TopicPartition, records: list[Record], previous: asyncio.Task[None] | None) -> None:
        if previous is not None and not previous.done():
            await asyncio.wait([previous])
        source = Source(self._identity, tp.topic, tp.partition)
        await self._workers[tp.topic].apply_surely(source, records)
        self._done[tp] = self._applied[tp] = records[-1].offset + 1
        highwater = self._consumer.highwater(tp)
        if highwater is not None:
            LAG.labels(self._service, tp.topic, tp.partition).set(highwater - self._done[tp])

    def _resume_reading(self, tp: TopicPartition, _finished: asyncio.Task[None]) -> None:
        consumer = self._subscriber.consumer
        if consumer is not None and tp in consumer.assignment():
            consumer.resume(tp)

    async def _commit_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._settings.commit_interval.total_seconds())
            await self._commit()

    async def _commit(self) -> None:
        done, self._done = self._done, {}
        if not done or self._group is None:
            return
        try:
            await self._consumer.commit(done)
        except (KafkaError, AssertionError) as error:
            self._done = {**done, **self._done}
            log.warning("commit failed; the records come again", consumer=self.name, error=type(error).__name__)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    def __init__(self, owner: Consumer) -> None:
        self._owner = owner

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        await self._owner.revoked(list(revoked))

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        await self._owner.assigned(list(assigned))


async def _no_decoding(_message: object) -> None:
    return None


def _record(raw: ConsumerRecord) -> Record:
    headers = {name: value.decode("utf-8", "replace") for name, value in raw.headers if value is not None}
    key = None if raw.key is None else raw.key.decode("utf-8", "replace")
    return Record(raw.offset, key, raw.value, headers, raw.timestamp)


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
