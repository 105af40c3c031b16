"""Which life of the log is this? Offsets of a recreated cluster start at 0 again and are not the old ones."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient

MARKER = "attune.log."  # a topic of this prefix names the life; the embedded broker makes one at each start


async def log_identity(bootstrap: str) -> str:
    """The identity of the log behind `bootstrap`: its marker topic if there is one, else Kafka's cluster id."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    await admin.start()
    try:
        markers = sorted(topic for topic in await admin.list_topics() if topic.startswith(MARKER))
        if markers:
            return str(markers[-1]).removeprefix(MARKER)
        cluster = await admin.describe_cluster()
        return str(cluster.get("cluster_id") or "unknown")
    finally:
        await admin.close()
