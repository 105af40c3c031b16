"""Which life of the log is this? Offsets of a recreated topic start at 0 again and are not the old ones."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from uuid import UUID

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError

from chassis.kafka.topic_ids import TopicIds

MARKER = "attune.log."  # a topic of this prefix names the life; the embedded broker makes one at each start


class Lives:
    """Asks the log for the identities of its topics."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin: AIOKafkaAdminClient | None = None
        self._connecting = asyncio.Lock()  # two who ask at once share one connection

    async def of(self, topics: Collection[str]) -> Mapping[str, str]:
        """Topic → its life: of the marker topic if there is one, else the cluster's id and the topic's own.

        A topic that is not there is left out. Raises KafkaError or OSError while the log is away.
        """
        try:
            return await self._told(topics)
        except (KafkaError, OSError):
            await self.close()  # its brokers may be others when it is back
            raise

    async def _told(self, topics: Collection[str]) -> Mapping[str, str]:
        admin = await self._connected()
        there = set(await admin.list_topics())
        markers = sorted(topic for topic in there if topic.startswith(MARKER))
        if markers:
            return dict.fromkeys(there & set(topics), markers[-1].removeprefix(MARKER))
        try:
            told = await admin._send_request(TopicIds(sorted(there & set(topics))))  # noqa: SLF001 - it has no other way
        except IncompatibleBrokerVersion:  # older than Kafka 2.8: topics have no identity of their own
            cluster = await admin.describe_cluster()
            return dict.fromkeys(there & set(topics), str(cluster.get("cluster_id") or "unknown"))
        return {name: f"{told.cluster_id}/{UUID(bytes=life)}" for error, name, life, *_ in told.topics if not error}

    async def close(self) -> None:
        """Leave."""
        admin, self._admin = self._admin, None
        if admin is not None:
            await admin.close()

    async def _connected(self) -> AIOKafkaAdminClient:
        async with self._connecting:
            if self._admin is None:
                admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap, request_timeout_ms=5_000)
                try:
                    await admin.start()
                except BaseException:
                    await admin.close()
                    raise
                self._admin = admin
            return self._admin
