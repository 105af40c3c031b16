from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.consumer import consumer, group_coordinator
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from attune_embedded import shim

TOPIC = "attune.answers.v1"


async def test_two_aiokafka_members_share_a_group(kafka: str, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = shim._PatientRebalance
    monkeypatch.setattr(group_coordinator, "CoordinatorGroupRebalance", patient)  # undone after the test
    read: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
    members = [_member(kafka, tenant) for _ in range(2)]
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    halves = [_Half(), _Half()]
    readers: list[asyncio.Task[None]] = []
    await producer.start()
    try:
        for number, (member, half) in enumerate(zip(members, halves, strict=True)):
            member.subscribe([TOPIC], listener=half)
            await member.start()
            readers.append(asyncio.create_task(_read(member, number, read)))
        async with asyncio.timeout(20):
            for half in halves:
                await half.reached.wait()
            missing = {b"%s-%d" % (tenant.encode(), number) for number in range(20)}
            for key in missing:
                await producer.send_and_wait(TOPIC, b"x", key=key)
            readers_of: set[int] = set()
            while missing:
                number, key = await read.get()
                if key in missing:
                    missing.remove(key)
                    readers_of.add(number)
        assert readers_of == {0, 1}
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        for client in (*members, producer):
            await client.stop()


async def test_a_log_where_nothing_comes_is_asked_less_often(
    kafka: str, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "Fetcher", shim._Fetcher)  # undone after the test
    reader, producer = _member(kafka, tenant, fetch_max_wait_ms=100), AIOKafkaProducer(bootstrap_servers=kafka)
    reader.subscribe([TOPIC])
    await reader.start()
    await producer.start()
    read: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
    reading = asyncio.create_task(_read(reader, 0, read))
    try:
        async with asyncio.timeout(20):
            await producer.send_and_wait(TOPIC, b"x", key=tenant.encode())
            while (await read.get())[1] != tenant.encode():
                continue
            assert reader._fetcher._fetch_max_wait_ms == shim.SHORT
            while reader._fetcher._fetch_max_wait_ms != 100:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await reader.stop()
        await producer.stop()


def test_another_version_of_aiokafka_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shim.aiokafka, "__version__", "0.15.0")
    with pytest.raises(shim.UnsupportedAiokafkaError, match=r"0\.15\.0"):
        shim.apply()


class _Half(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """Tells when a member has two of the four partitions."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        pass

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        if len(assigned) == 2:
            self.reached.set()


def _member(kafka: str, group: str, fetch_max_wait_ms: int = 20) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=kafka,
        group_id=group,
        enable_auto_commit=False,  # as the services; the broker takes no commit while a group rebalances
        auto_offset_reset="earliest",
        fetch_max_wait_ms=fetch_max_wait_ms,
        session_timeout_ms=3_000,
        heartbeat_interval_ms=500,
        partition_assignment_strategy=(RangePartitionAssignor,),
    )


async def _read(member: AIOKafkaConsumer, number: int, into: asyncio.Queue[tuple[int, bytes]]) -> None:
    async for record in member:
        into.put_nowait((number, record.key))
