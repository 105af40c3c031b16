from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.consumer import group_coordinator
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from attune_embedded import shim

TOPIC = "attune.answers.v1"


async def test_two_aiokafka_members_share_a_group(kafka: str, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = shim._PatientRebalance
    monkeypatch.setattr(group_coordinator, "CoordinatorGroupRebalance", patient)  # undone after the test
    members = [_member(kafka, tenant) for _ in range(2)]
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    await members[0].start()
    readers = [asyncio.create_task(_read(members[0], seen := set[bytes]()))]
    try:
        await members[1].start()
        readers.append(asyncio.create_task(_read(members[1], others := set[bytes]())))
        async with asyncio.timeout(20):
            while sorted(len(member.assignment()) for member in members) != [2, 2]:
                await asyncio.sleep(0.05)
            keys = {b"%s-%d" % (tenant.encode(), number) for number in range(20)}
            for key in keys:
                await producer.send_and_wait(TOPIC, b"x", key=key)
            while not keys <= seen | others:
                await asyncio.sleep(0.02)
        assert not seen & others & keys
        assert seen & keys
        assert others & keys
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        for client in (*members, producer):
            await client.stop()


def test_another_version_of_aiokafka_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shim.aiokafka, "__version__", "0.15.0")
    with pytest.raises(shim.UnsupportedAiokafkaError, match=r"0\.15\.0"):
        shim.apply()


def _member(kafka: str, group: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        TOPIC,
        bootstrap_servers=kafka,
        group_id=group,
        enable_auto_commit=False,  # as the services; the broker takes no commit while a group rebalances
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,
        session_timeout_ms=3_000,
        heartbeat_interval_ms=500,
        partition_assignment_strategy=(RangePartitionAssignor,),
    )


async def _read(member: AIOKafkaConsumer, seen: set[bytes]) -> None:
    async for record in member:
        seen.add(record.key)
