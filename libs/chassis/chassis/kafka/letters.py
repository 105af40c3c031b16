"""Which records have a dead letter already, read from the end of the dead letters."""

from __future__ import annotations

import asyncio
import re

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from chassis.kafka.records import Source
from chassis.telemetry import log

SUFFIX = ".dead"
# Letters per partition that are looked through. A process that ends leaves the letters of a second or so uncommitted;
# others, and other services, write to the same topic meanwhile.
_TAIL = 20_000
_WITHIN = 10.0  # seconds
_OFFSET = re.compile(r"\d{1,19}", re.ASCII)
_WRITER = ("dead-service", "dead-log", "dead-partition")


async def letters_of(bootstrap: str, service: str, source: Source, first: int) -> set[int]:
    """Offsets from `first` on of records of this source that have a letter of this service among the newest.

    Another service may have refused the same record, for a reason of its own. Empty where the letters cannot be read:
    one twice is better than none.
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
            return {offset for offset in await _tail(reader, service, source) if offset >= first}
    except (KafkaError, TimeoutError, OSError) as error:
        log.warning("dead letters cannot be read: some may be written twice", error=type(error).__name__)
        return set()
    finally:
        await reader.stop()


async def _tail(reader: AIOKafkaConsumer, service: str, source: Source) -> set[int]:
    """The source offsets of the newest letters of this service and source. What is no letter of ours is passed over."""
    found: set[int] = set()
    partitions = list(reader.assignment())
    begins, ends = await reader.beginning_offsets(partitions), await reader.end_offsets(partitions)
    left = {tp for tp in partitions if ends[tp] > begins[tp]}
    for tp in left:
        reader.seek(tp, max(begins[tp], ends[tp] - _TAIL))
    wanted = (service, source.log, str(source.partition))
    while left:
        for letters in (await reader.getmany(timeout_ms=100)).values():
            for letter in letters:
                told = {name: value.decode("utf-8", "replace") for name, value in letter.headers if value is not None}
                offset = _OFFSET.fullmatch(told.get("dead-offset", ""))
                if offset and tuple(map(told.get, _WRITER)) == wanted:
                    found.add(int(offset[0]))
        left = {tp for tp in left if await reader.position(tp) < ends[tp]}
    return found
