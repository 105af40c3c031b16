"""Which records have a dead letter already, read from the end of the dead letters."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from chassis.kafka.records import Source
from chassis.telemetry import log

SUFFIX = ".dead"
_TAIL = 2_000  # letters per partition: a process that ends writes no more than a batch of them uncommitted
_WITHIN = 10.0  # seconds


async def letters_of(bootstrap: str, source: Source, first: int) -> set[int]:
    """Offsets from `first` on of records of this source that have a letter among the newest.

    Empty where that cannot be read: a letter twice is better than none.
    """
    reader = AIOKafkaConsumer(
        source.topic + SUFFIX,
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,
    )
    try:
        async with asyncio.timeout(_WITHIN):
            await reader.start()
            return {offset for offset in await _tail(reader, source) if offset >= first}
    except (KafkaError, TimeoutError, OSError) as error:
        log.warning("dead letters cannot be read: some may be written twice", error=type(error).__name__)
        return set()
    finally:
        await reader.stop()


async def _tail(reader: AIOKafkaConsumer, source: Source) -> set[int]:
    """The source offsets of the newest letters of this source."""
    found: set[int] = set()
    partitions = list(reader.assignment())
    begins, ends = await reader.beginning_offsets(partitions), await reader.end_offsets(partitions)
    left = {tp for tp in partitions if ends[tp] > begins[tp]}
    for tp in left:
        reader.seek(tp, max(begins[tp], ends[tp] - _TAIL))
    wanted = (source.log, str(source.partition))
    while left:
        for letters in (await reader.getmany(timeout_ms=100)).values():
            for letter in letters:
                told = {name: value.decode("utf-8", "replace") for name, value in letter.headers if value is not None}
                if (told.get("dead-log"), told.get("dead-partition")) == wanted:
                    found.add(int(told["dead-offset"]))
        left = {tp for tp in left if await reader.position(tp) < ends[tp]}
    return found
