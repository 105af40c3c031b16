"""Reads dead letters as an operator's own tool would."""

from __future__ import annotations

import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from attune.types.v1.types_pb2 import Watermark

_PARTITIONS = 4
_SECONDS = 20.0


def headers_of_dead_letter(kafka: str, source: Watermark) -> dict[str, str]:
    """Headers of the dead letter of the record at `source`; waits until it is there."""
    reader = Consumer({"bootstrap.servers": kafka, "group.id": "reads-alone"})
    reader.assign([TopicPartition(f"{source.topic}.dead", each, OFFSET_BEGINNING) for each in range(_PARTITIONS)])
    until = time.monotonic() + _SECONDS
    try:
        while time.monotonic() < until:
            record = reader.poll(0.2)
            if record is None or record.error():
                continue
            headers = {name: value.decode() for name, value in record.headers() or []}
            place = headers.get("dead-partition"), headers.get("dead-offset")
            if place == (str(source.partition), str(source.offset)):
                return headers
    finally:
        reader.close()
    raise TimeoutError(f"no dead letter of {source}")
