"""What the contract says of the records of each topic: message, topic name, key."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import Message

from attune.events.v1.clickstream_pb2 import BehaviorKind, ClickstreamEvent
from attune.events.v1.erasure_pb2 import ErasureRequest
from attune.events.v1.knowledge_pb2 import KnowledgeEntry
from attune.events.v1.product_pb2 import Product
from attune.events.v1.query_pb2 import QueryEvent, QueryKind
from attune.events.v1.rule_pb2 import Rule
from attune.events.v1.template_pb2 import Template
from attune.events.v1.user_pb2 import UserRecord
from attune.types.v1 import topic_pb2

M = TypeVar("M", bound=Message)

LOADABLE: dict[str, type[Message]] = {
    "catalog": Product,
    "users": UserRecord,
    "knowledge": KnowledgeEntry,
    "templates": Template,
}
BEHAVIORS = [name.removeprefix("BEHAVIOR_KIND_").lower() for name in BehaviorKind.keys()[1:]]
QUERIES = [name.removeprefix("QUERY_KIND_").lower() for name in QueryKind.keys()[1:]]

# Which consumer groups read a topic and commit: a loader waits for all of them.
GROUPS = {
    "attune.clickstream.v1": ("attune-needs", "attune-recommender", "attune-content"),
    "attune.queries.v1": ("attune-needs", "attune-qa"),
    "attune.users.v1": ("attune-needs",),
    "attune.catalog.v1": ("attune-recommender", "attune-qa-knowledge"),
    "attune.knowledge.v1": ("attune-qa-knowledge",),
    "attune.templates.v1": ("attune-content",),
    "attune.erasures.v1": ("attune-needs", "attune-recommender", "attune-qa", "attune-content"),
}
SERVICE_OF = {  # group → service, for all groups above
    group: group.removeprefix("attune-").split("-")[0] for groups in GROUPS.values() for group in groups
}
VECTORS = "attune.product-vectors.v1"  # read by needs without a group: asked for by watermark


def topic_of(message: type[Message]) -> str:
    """Name of the topic that carries a message."""
    return str(message.DESCRIPTOR.GetOptions().Extensions[topic_pb2.topic].name)


def key_field(message: type[Message]) -> str:
    """The field whose value is the record key."""
    return str(message.DESCRIPTOR.GetOptions().Extensions[topic_pb2.topic].key)


def key_of(message: Message) -> str:
    """The record key."""
    return str(getattr(message, key_field(type(message))))


def rule_key(tenant: str, rule_id: str) -> str:
    """The record key of a rule, which other shops' rules of the same id do not replace."""
    return rule_id if tenant in {"", "default"} else f"{tenant}/{rule_id}"


MESSAGES: dict[str, type[Message]] = {
    topic_of(message): message for message in (*LOADABLE.values(), ClickstreamEvent, QueryEvent, ErasureRequest, Rule)
}


def event_message(kind: object) -> type[ClickstreamEvent | QueryEvent]:
    """Which event a `kind` belongs to; anything that is no query is taken for a behaviour and judged as one."""
    short = str(kind).removeprefix("QUERY_KIND_").lower()
    return QueryEvent if short in QUERIES else ClickstreamEvent


__all__ = [
    "BEHAVIORS", "GROUPS", "LOADABLE", "MESSAGES", "QUERIES", "SERVICE_OF", "VECTORS", "ClickstreamEvent",
    "ErasureRequest", "QueryEvent", "event_message", "key_field", "key_of", "rule_key", "topic_of",
]  # fmt: skip
