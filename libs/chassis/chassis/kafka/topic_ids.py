"""Kafka's Metadata request in its version 10, the first to tell topic ids; aiokafka stops at 5.

The layout is that of Kafka's protocol guide; compact forms carry tagged fields at the end of every structure.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

_SIZE = 16
_NOBODY = bytes(_SIZE)


class _Uuid(AbstractType[bytes]):  # type: ignore[misc] # aiokafka has no types
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(_SIZE)


class _Answer(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString("utf-8")),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _Ask(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 10
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicIds(Request[_Ask]):  # type: ignore[misc]
    """Asks for the ids of topics; raises IncompatibleBrokerVersion where the broker knows none."""

    API_KEY = 3

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = topics

    def prepare(self, versions: dict[int, tuple[int, int]]) -> RequestStruct:
        """The request, in the one version that is spoken here."""
        oldest, newest = versions.get(self.API_KEY, (0, 0))
        if not oldest <= _Ask.API_VERSION <= newest:
            raise IncompatibleBrokerVersion(f"Metadata {oldest} to {newest} tell no topic ids")
        return self.build(_Ask)

    def build(self, request_struct_class: type[_Ask]) -> _Ask:
        """The request of this version."""
        wanted: list[tuple[bytes, str, dict[int, bytes]]] = [(_NOBODY, topic, {}) for topic in self._topics]
        return request_struct_class(wanted, False, False, False, {})  # noqa: FBT003 - the wire has no names
