"""All dead letters of a log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from attune.types.v1.types_pb2 import Watermark

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
    """Everything a topic holds now; the records of a partition in the order of the log."""
    reader = Consumer({"bootstrap.servers": kafka, "group.id": "reads-alone", "enable.auto.commit": False,
                       "fetch.wait.max.ms": 20, "log_level": 0, "error_cb": lambda _: None})  # fmt: skip
    try:
        found = reader.list_topics(topic, _SECONDS).topics[topic]
        marks = {each: reader.get_watermark_offsets(TopicPartition(topic, each), _SECONDS) for each in found.partitions}
        left = {each: high for each, (low, high) in marks.items() if low < high}
        reader.assign([TopicPartition(topic, each, OFFSET_BEGINNING) for each in left])
        while left:
            message = reader.poll(_SECONDS)
            if message is None:
                raise TimeoutError(f"{topic} does not reach {left}")
            partition, offset = int(message.partition() or 0), int(message.offset() or 0)
            if message.error() is not None or partition not in left:
                continue
            if offset + 1 >= left[partition]:
                del left[partition]
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


def ends(bootstrap: str, topic: str) -> list[Watermark]:
    """The last record of each partition, whoever wrote it."""
    reader = Consumer({"bootstrap.servers": bootstrap, "group.id": "ends"})
    try:
        found = reader.list_topics(topic, _SECONDS).topics[topic]
        marks = {each: reader.get_watermark_offsets(TopicPartition(topic, each), _SECONDS) for each in found.partitions}
        return [Watermark(topic=topic, partition=each, offset=end - 1) for each, (_, end) in marks.items() if end]
    finally:
        reader.close()
