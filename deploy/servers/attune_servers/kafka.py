"""Apache Kafka as one node that is broker and controller (KRaft), with its log on disk."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from attune_servers import present
from attune_servers.listening import until_listening

if TYPE_CHECKING:
    from pathlib import Path

_HEAP = "-Xmx512m"
_POLL_SECONDS = 0.1
_LOGGING = """\
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %c{1} %m%n
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
"""


@dataclass(frozen=True, slots=True)
class Kafka:
    folder: Path  # absolute
    port: int
    controller_port: int
    proxied_port: int  # a second listener, for clients that come through a proxy
    proxy_port: int  # 0: there is no such listener; else where those clients are told to connect
    short_lived: bool
    name: str = "kafka"

    def prepare(self) -> list[str]:
        """Write the configuration, format the log folder once, and say how the server is started."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "server.properties").write_text(self._properties(), encoding="utf-8")
        (self.folder / "log4j2.properties").write_text(_LOGGING, encoding="utf-8")
        if not (self.folder / "log" / "meta.properties").exists():
            self._format()
        quick = present.QUICK if self.short_lived else ()
        return self._java(_HEAP, "-Xms256m", *quick, main="kafka.Kafka", arguments=["server.properties"])

    async def answers(self) -> str:
        """Wait until the node serves metadata: its version."""
        await until_listening(self.port)
        while True:
            try:
                await self._ask()
            except (KafkaError, OSError):
                await asyncio.sleep(_POLL_SECONDS)
            else:
                return present.version("kafka")

    async def _ask(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{self.port}", request_timeout_ms=5_000)
        try:
            await admin.start()
            await admin.list_topics()
        finally:
            await admin.close()

    def _format(self) -> None:
        identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        # = joins them: an id may begin with a dash
        tool = self._java(
            main="kafka.tools.StorageTool", arguments=["format", f"--cluster-id={identity}", "-c", "server.properties"]
        )
        done = subprocess.run(tool, cwd=self.folder, capture_output=True, text=True, check=False)  # noqa: S603 - our java
        if done.returncode:
            raise present.ServerUnavailableError(f"Kafka cannot format {self.folder}:\n{done.stdout}{done.stderr}")

    def _java(self, *options: str, main: str, arguments: list[str]) -> list[str]:
        marks = ["-Dattune_servers=kafka", f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"]
        return [present.java(), *options, *marks, "-cp", f"{present.jars('kafka')}/*", main, *arguments]

    def _properties(self) -> str:
        listeners = [f"PLAIN://127.0.0.1:{self.port}"]
        advertised = [f"PLAIN://127.0.0.1:{self.port}"]
        if self.proxy_port:
            listeners.append(f"PROXIED://127.0.0.1:{self.proxied_port}")
            advertised.append(f"PROXIED://127.0.0.1:{self.proxy_port}")
        values = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "listeners": ",".join([*listeners, f"CONTROLLER://127.0.0.1:{self.controller_port}"]),
            "advertised.listeners": ",".join(advertised),
            "listener.security.protocol.map": "PLAIN:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAIN",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": "log",  # of the working directory: no name of a folder needs quoting
            "auto.create.topics.enable": "false",  # a topic of one partition made by accident cannot be grown in order
            "group.initial.rebalance.delay.ms": "0",
            # One node cannot keep three copies; few partitions, as a new node makes them at the first join.
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "log.cleaner.dedupe.buffer.size": "16777216",  # bytes, of a heap of 512 MiB
        }
        return "".join(f"{name}={value}\n" for name, value in values.items())
