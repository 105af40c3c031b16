"""What only a real Kafka does: topics made anew, beginnings that are deleted, transactions that are aborted."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka import TopicPartition as Partition
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from faststream.kafka import KafkaBroker

from chassis.kafka import Consumer, Position, Producer, Progress, Rejected, Route, Slice, Source
from chassis.kafka.dead_letters import DeadLetters
from chassis.settings import ProcessSettings


class Log:
    """A topic of one partition, and a store beside it that keeps offsets per life of the topic."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap, self.name = bootstrap, f"attune-test-{uuid.uuid4().hex[:8]}"
        self.stored: dict[Source, int] = {}
        self.seen: list[str] = []
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self.make()

    def make(self) -> None:
        self._admin.create_topics([NewTopic(self.name, 1, 1)])[self.name].result(20)

    def delete(self) -> None:
        self._admin.delete_topics([self.name])[self.name].result(20)

    async def make_anew(self) -> None:
        self.delete()
        for _ in range(100):  # the name is free a moment later
            try:
                return self.make()
            except KafkaException:
                await asyncio.sleep(0.1)
        raise TimeoutError(self.name)

    def forget_before(self, offset: int) -> None:
        for done in self._admin.delete_records([TopicPartition(self.name, 0, offset)]).values():
            done.result(20)

    async def handle(self, part: Slice[str]) -> Sequence[tuple[int, Rejected]]:
        known = self.stored.get(part.source, 0)
        self.seen += [item.value for item in part.items if item.value and item.offset >= known]
        self.stored[part.source] = max(known, part.next_offset)
        return []

    async def resume(self, sources: Collection[Source]) -> dict[Source, int]:
        return {source: self.stored.get(source, 0) for source in sources}

    @asynccontextmanager
    async def consumed(self) -> AsyncIterator[tuple[Consumer, Progress]]:
        settings = ProcessSettings(kafka=self.bootstrap, session_timeout=timedelta(seconds=6))
        producer, progress = Producer(self.bootstrap), Progress()
        await producer.start()
        route = Route(self.name, lambda record: (record.value or b"").decode(), self.handle)
        consumer = Consumer([route], group=self.name, name="test", resume=self.resume, holds=self.resume)
        broker = KafkaBroker(self.bootstrap, logger=None, allow_auto_create_topics=False)
        consumer.attach(
            broker, settings, service="test", progress=progress,
            dead_letters=DeadLetters(producer, service="test", max_bytes=1_000),
        )  # fmt: skip
        await broker.start()
        await consumer.begin()
        try:
            yield consumer, progress
        finally:
            await consumer.finish()
            await broker.stop()
            await producer.stop()

    async def send(self, *values: str) -> Position:
        """The position of the last one."""
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap) as producer:
            for value in values:
                sent = await producer.send_and_wait(self.name, value.encode())
        return Position(self.name, 0, sent.offset)

    async def saw(self, *values: str) -> None:
        for _ in range(600):
            if self.seen == list(values):
                return
            await asyncio.sleep(0.05)
        assert self.seen == list(values)


@pytest.fixture
def log(real_kafka: str) -> Iterator[Log]:
    made = Log(real_kafka)
    yield made
    made.delete()


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.kafka.consumer._LOOK", 0.2)


@pytest.mark.parametrize("longer", [False, True], ids=["shorter than before", "longer than before"])
async def test_a_topic_that_is_made_anew_while_it_is_read_is_read_from_its_beginning(log: Log, *, longer: bool) -> None:
    async with log.consumed() as (_, progress):
        assert await progress.reached([await log.send("a", "b", "c")])
        await log.make_anew()
        values = ["d", "e", "f", "g", "h"] if longer else ["d"]
        await log.send(*values)
        await log.saw("a", "b", "c", *values)
    assert len(log.stored) == 2  # two lives


async def test_a_topic_that_was_made_anew_while_nobody_read_it_is_read_from_its_beginning(log: Log) -> None:
    async with log.consumed() as (_, progress):
        assert await progress.reached([await log.send("a", "b", "c")])
    await log.make_anew()
    await log.send("d", "e", "f", "g")
    async with log.consumed():
        await log.saw("a", "b", "c", "d", "e", "f", "g")


async def test_a_topic_made_anew_while_its_partition_moves_leaves_no_lane_behind(log: Log) -> None:
    """What was asked for while the partition was ours is answered when it is not any more."""
    async with log.consumed() as (one, _), log.consumed() as (two, _):
        async with asyncio.timeout(30):
            while len(one._lanes) + len(two._lanes) != 1:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
        idle = two if one._lanes else one
        await idle.assigned([Partition(log.name, 0)])
        assert not idle._lanes
        await log.send("a")
        await log.saw("a")


async def test_what_was_deleted_before_it_was_read_is_told(log: Log) -> None:
    async with log.consumed() as (_, progress):
        assert await progress.reached([await log.send("a", "b")])
    last = await log.send("c", "d", "e")
    log.forget_before(4)
    async with log.consumed() as (_, progress):
        assert await progress.reached([last])
        assert [(gap.first, gap.after) for gap in progress.gaps] == [(2, 4)]
        assert "offsets 2 to 3" in str(progress.gaps[0])
    assert log.seen == ["a", "b", "e"]


async def test_what_a_producer_took_back_is_not_read(log: Log) -> None:
    async with (
        log.consumed() as (consumer, progress),
        AIOKafkaProducer(bootstrap_servers=log.bootstrap, transactional_id=log.name) as producer,
    ):
        await producer.begin_transaction()
        await producer.send_and_wait(log.name, b"taken back")
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(log.name, b"meant")
        assert await consumer.caught_up(within=10)  # the log ends with a mark that nobody is given
        assert log.seen == ["meant"]
        assert await progress.reached([await log.send("after")])
    assert log.seen == ["meant", "after"]
    assert progress.gaps == []
