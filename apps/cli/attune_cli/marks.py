"""Which dead letters were sent again: Kafka remembers it, beside the letters.

A mark is a bit in the metadata of a committed offset. One group holds the marks of 20,000 offsets of each partition,
2,500 bytes in base64: Kafka takes 4,096 by default.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from attune_cli.log import Log

GROUP = "attune-dead-letters"
_OFFSETS = 20_000  # of a partition in one group
_Bits = dict[TopicPartition, bytearray]


class Marks:
    """The letters of some partitions that were sent again.

    Invariant: a mark is saved after Kafka acknowledged the record it tells of. So a command that is killed in between
    leaves a letter unmarked; sent once more, its event id is known to the services.
    """

    def __init__(self, log: Log, bootstrap: str) -> None:
        self._log, self._bootstrap = log, bootstrap
        self._groups: dict[str, _Bits] = {}
        self._changed: set[tuple[str, TopicPartition]] = set()

    async def load(self, partitions: Iterable[TopicPartition]) -> None:
        """Of all letters that are still kept."""
        places = list(partitions)
        begins, ends = await self._log.begins(places), await self._log.ends(places)
        for place in places:
            for number in range(begins[place] // _OFFSETS, -(-ends[place] // _OFFSETS)):
                self._groups.setdefault(f"{GROUP}.{number}", {})[place] = bytearray(_OFFSETS // 8)
        for group in self._groups:
            await self._take_over(group)

    def has(self, place: TopicPartition, offset: int) -> bool:
        bits = self._groups.get(_group(offset), {}).get(place)
        number = offset % _OFFSETS
        return bits is not None and bool(bits[number // 8] & 1 << number % 8)

    def add(self, place: TopicPartition, offset: int) -> None:
        number, group = offset % _OFFSETS, _group(offset)
        # A letter that came after `load` may be the first of its group.
        bits = self._groups.setdefault(group, {}).setdefault(place, bytearray(_OFFSETS // 8))
        bits[number // 8] |= 1 << number % 8
        self._changed.add((group, place))

    async def save(self) -> None:
        """Write what was added. The other marks of these groups are written too: Kafka forgets what is old.

        Those that another command saved since `load` stay; only of two that save in the same moment one may win, and a
        letter of the other is sent once more when it is asked for again.
        """
        for group in sorted({group for group, _ in self._changed}):
            await self._take_over(group)
            consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, group_id=group, enable_auto_commit=False)
            await consumer.start()
            try:
                held = {place: bits for place, bits in self._groups[group].items() if any(bits)}
                consumer.assign(list(held))  # it joins nothing: these groups have no members
                consumer.pause(*held)  # and reads nothing
                await consumer.commit({place: _commit(group, bits) for place, bits in held.items()})
            finally:
                await consumer.stop()
        self._changed.clear()

    async def _take_over(self, group: str) -> None:
        """Add what Kafka holds now."""
        held = self._groups[group]
        for place, (_, metadata) in (await self._log.commits(group, list(held))).items():
            _add(metadata, held[place])


async def marks_of(log: Log, bootstrap: str) -> Marks:
    """Of all letters."""
    marks = Marks(log, bootstrap)
    await marks.load(await log.partitions(await log.dead_topics()))
    return marks


def _group(offset: int) -> str:
    return f"{GROUP}.{offset // _OFFSETS}"


def _commit(group: str, bits: bytearray) -> OffsetAndMetadata:
    """The offset is one after the last mark, for whoever looks at the group with other tools."""
    last = int.from_bytes(bits, "little").bit_length()
    return OffsetAndMetadata(
        int(group.rpartition(".")[2]) * _OFFSETS + last, base64.b64encode(bits.rstrip(b"\0")).decode()
    )


def _add(metadata: str, bits: bytearray) -> None:
    """What another tool wrote there marks nothing."""
    try:
        held = base64.b64decode(metadata, validate=True)
    except (binascii.Error, ValueError):
        return
    for number, byte in enumerate(held[: len(bits)]):
        bits[number] |= byte
