"""Real Kafka, Redis and Neo4j, to be killed and started again at the same addresses."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from urllib.parse import quote

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from attune_servers import Servers
from faults.waiting import until


class RealEngines:
    """The interface of EmbeddedEngines over the engines of production. Kafka's log outlives its process."""

    edition = "servers"
    session_timeout = "PT6S"  # the least Kafka's default configuration accepts

    def __init__(self, folder: Path, *, partitions: int = 4, neo4j: bool = False) -> None:
        self.folder, self.partitions, self.life = folder, partitions, 1
        self._servers = Servers(folder, neo4j=neo4j, short_lived=True)
        self._neo4j = neo4j
        asyncio.run(self._start())
        self.kafka, self.redis_url = self._servers.kafka, self._servers.redis_url

    async def _start(self) -> None:
        await self._servers.start()
        await self._servers.make_topics(self.partitions)

    def environment(self) -> dict[str, str]:
        """What a service must be told of its engines."""
        return self._servers.environment()

    def stores(self, folder: Path) -> dict[str, str]:
        """Where a service of its own folder keeps vectors, and relations when they are not in Neo4j."""
        place = quote(str(folder))
        relations = {} if self._neo4j else {"ATTUNE_GRAPH_URL": f"sqlite://{place}/graph.db"}
        return {"ATTUNE_QDRANT_URL": f"edge://{place}/qdrant", **relations}

    def kill(self, name: str) -> None:
        """SIGKILL."""
        asyncio.run(self._servers.kill(name))

    def signal(self, name: str, number: signal.Signals) -> None:
        """SIGSTOP and SIGCONT: an engine that does not answer, and does again."""
        pid = self._servers.pid(name)
        assert pid is not None
        os.kill(pid, number)

    def start_again(self, name: str) -> None:
        """Returns when it answers."""
        asyncio.run(self._servers.start_again(name))

    def delete(self, *topics: str) -> None:
        """A log that ends. `make_anew` makes the next one."""
        admin = AdminClient({"bootstrap.servers": self.kafka})
        for done in admin.delete_topics(list(topics)).values():
            done.result(20)

    def make_anew(self, *topics: str) -> None:
        """Another life of the log. Kafka deletes in the background: until then the names are taken."""
        admin = AdminClient({"bootstrap.servers": self.kafka})
        for topic in topics:
            until(lambda topic=topic: self._made(admin, topic), f"{topic} to be deleted", 20)  # type: ignore[misc] # mypy cannot tell T
        self.life += 1

    def _made(self, admin: AdminClient, topic: str) -> bool:
        try:
            admin.create_topics([NewTopic(topic, self.partitions)])[topic].result(10)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
            return False
        return True

    @property
    def redis_folder(self) -> Path:
        """Holds the append-only file."""
        return self.folder / "redis"

    def stop(self) -> None:
        """End all of them."""
        asyncio.run(self._servers.stop())
