"""Which topics there are: the contract says it, in an option of its messages."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import attune.events.v1
from attune.types.v1 import topic_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator

IDENTITY_PREFIX = "attune.log."  # followed by the hex digits of a UUID: one life of the log


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    key: str  # the field whose value is the record key
    compacted: bool  # what a real cluster is told; the embedded broker never compacts


def declared() -> list[Topic]:
    """Every topic of `attune.events.v1`, by name."""
    return sorted(_declared(), key=lambda topic: topic.name)


def _declared() -> Iterator[Topic]:
    for entry in pkgutil.iter_modules(attune.events.v1.__path__):
        if not entry.name.endswith("_pb2"):
            continue
        module = importlib.import_module(f"attune.events.v1.{entry.name}")
        for message in module.DESCRIPTOR.message_types_by_name.values():
            options = message.GetOptions()
            if options.HasExtension(topic_pb2.topic):
                topic = options.Extensions[topic_pb2.topic]
                yield Topic(topic.name, topic.key, topic.retention == topic_pb2.RETENTION_COMPACTED)


def dead(topic: str) -> str:
    """Where the records of a topic go that can never succeed."""
    return f"{topic}.dead"


def new_identity() -> str:
    return uuid4().hex


def identity_topic(identity: str) -> str:
    """The empty topic whose name tells a client which life of the log it reads.

    Offsets of the embedded broker begin at 0 with each start. Who remembers offsets must remember this beside them.
    """
    return IDENTITY_PREFIX + identity
