"""All dead letters of a log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Letter:
    """A record of a `.dead` topic."""

    topic: str  # where it came from
    partition: int
    offset: int
    reason: str
    field: str
    remedy: str


def records(kafka: str, topic: str) -> Iterator[Message]:
    """Everything a topic holds now, partition by partition in the order of the log."""
    reader = Consumer({"bootstrap.servers": kafka, "group.id": "reads-alone", "enable.auto.commit": False,
                       "enable.partition.eof": False, "isolation.level": "read_uncommitted"})  # fmt: skip
    try:
        found = reader.list_topics(topic, _SECONDS).topics[topic]
        for partition in sorted(found.partitions):
            low, high = reader.get_watermark_offsets(TopicPartition(topic, partition), _SECONDS)
            if low >= high:
                continue
            reader.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
            at = low - 1
            while at < high - 1:
                message = reader.poll(_SECONDS)
                if message is None:
                    raise TimeoutError(f"{topic}/{partition} ends at {at}, not at {high}")
                if message.error() is None:
                    at = int(message.offset() or 0)
                    yield message
    finally:
        reader.close()


def letters(kafka: str, topic: str) -> list[Letter]:
    """What came from `topic`."""
    found = []
    for message in records(kafka, f"{topic}.dead"):
        told = {name: (value or b"").decode() for name, value in message.headers() or ()}
        found.append(
            Letter(told["dead-topic"], int(told["dead-partition"]), int(told["dead-offset"]), told["dead-reason"],
                   told["dead-field"], told["dead-remedy"])
        )  # fmt: skip
    return found
