"""Dead letters as they stand in Kafka, read one after the other however many there are."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from attune_cli.contract import MESSAGES
from attune_cli.failures import BadInput
from attune_cli.log import Log
from chassis.kafka.decode import PROTOBUF

SUFFIX = ".dead"
_ID = re.compile(r"(?P<topic>[\w.-]+\.dead)/(?P<partition>\d{1,9})/(?P<offset>\d{1,18})")


@dataclass(frozen=True, slots=True)
class Letter:
    """A record of a `.dead` topic."""

    place: TopicPartition
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, str]

    @property
    def id(self) -> str:
        """topic/partition/offset of the letter itself."""
        return f"{self.place.topic}/{self.place.partition}/{self.offset}"

    @property
    def why(self) -> str:
        return self.headers.get("dead-reason", "")

    @property
    def service(self) -> str:
        """Who refused it."""
        return self.headers.get("dead-service", "")

    @property
    def source(self) -> str:
        """Where it stood: topic/partition/offset."""
        return "/".join(self.headers.get(f"dead-{name}", "?") for name in ("topic", "partition", "offset"))

    @property
    def topic(self) -> str:
        """Where it is sent again."""
        return self.headers.get("dead-topic") or self.place.topic.removesuffix(SUFFIX)

    @property
    def cut(self) -> bool:
        """Whether only the beginning of its value was kept."""
        return "dead-original-bytes" in self.headers

    @property
    def words(self) -> str:
        """The value as text: what Protobuf can be read as in the JSON form of the contract, else as it is."""
        message = MESSAGES.get(self.topic)
        if message is not None and self.value is not None and self.headers.get("content-type") in PROTOBUF:
            with suppress(DecodeError):
                return json_format.MessageToJson(
                    message.FromString(self.value), preserving_proto_field_name=True, ensure_ascii=False
                )
        return shown(self.value)

    def described(self) -> dict[str, Any]:
        """For JSON."""
        return {"id": self.id, "reason": self.why, "service": self.service, "from": self.source,
                "key": shown(self.key), "value": self.words, "headers": self.headers}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters; an empty field stands for all."""

    which: Sequence[str] = ()  # ids, and topics with or without `.dead`
    reason: str = ""
    service: str = ""
    _places: dict[str, list[tuple[int, int]]] = field(init=False, default_factory=dict)  # topic → partition, offset

    def __post_init__(self) -> None:
        for each in self.which:
            place = _ID.fullmatch(each)
            if place is None:
                self._places[each.removesuffix(SUFFIX) + SUFFIX] = []
            elif self._places.setdefault(place["topic"], [(-1, -1)]):  # of a whole topic each letter is wanted anyway
                self._places[place["topic"]].append((int(place["partition"]), int(place["offset"])))

    async def read(self, log: Log) -> AsyncIterator[Letter]:
        """Partition by partition, in the order of each. Raises BadInput for a topic that does not exist."""
        known = await log.dead_topics()
        for topic in self._places:
            if topic not in known:
                raise BadInput(f"{topic} does not exist: write an id as `list` prints it, or one of {', '.join(known)}")
        partitions = await log.partitions([topic for topic in known if not self._places or topic in self._places])
        for place in sorted(partitions):
            named = sorted(offset for partition, offset in self._named(place.topic) if partition == place.partition)
            if self._named(place.topic) and not named:
                continue
            between = (named[0], named[-1] + 1) if named else None
            async for record in log.records([place], between):
                letter = _letter(place, record)
                if (not named or record.offset in named) and self._fits(letter):
                    yield letter

    def _named(self, topic: str) -> list[tuple[int, int]]:
        return self._places.get(topic, [])

    def _fits(self, letter: Letter) -> bool:
        return self.reason in {"", letter.why} and self.service in {"", letter.service}


def shown(value: bytes | None) -> str:
    """Bytes as text."""
    return "(none)" if value is None else value.decode("utf-8", "backslashreplace")


def _letter(place: TopicPartition, record: ConsumerRecord) -> Letter:
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers if value is not None}
    return Letter(place, record.offset, record.key, record.value, headers)
