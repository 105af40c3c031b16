"""How many partitions the log has: the same number for all topics of people, or a person would be torn apart."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code


class UnevenPartitions(Exception):
    """Topics that must be partitioned alike are not."""


async def partitions(bootstrap: str, topics: Sequence[str]) -> int:
    """The number all these topics have; raises UnevenPartitions, or KafkaError when the log or a topic is not there."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    try:
        await admin.start()
        described = await admin.describe_topics(list(topics))
    finally:
        await admin.close()
    found: dict[str, int] = {}
    for topic in described:
        if topic["error_code"]:
            raise for_code(topic["error_code"])(f"topic {topic['topic']}")
        found[topic["topic"]] = len(topic["partitions"])
    if len(set(found.values())) != 1:
        told = ", ".join(f"{topic} has {number}" for topic, number in sorted(found.items()))
        raise UnevenPartitions(
            f"all that a person does must lie in one partition number, so make the topics alike: {told}"
        )
    return next(iter(found.values()))
