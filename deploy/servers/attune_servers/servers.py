"""Kafka, Neo4j and Redis on one data folder: started together, killed one by one, ended without a trace."""

from __future__ import annotations

import asyncio
import os
import random
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Protocol, Self

from attune_embedded import files, ledger, ports
from attune_embedded.platform import DataInUseError
from attune_embedded.supervision import together, until
from attune_servers import neo4j, topics
from attune_servers.kafka import Kafka
from attune_servers.neo4j import Neo4j
from attune_servers.process import Process
from attune_servers.redis import Redis

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("kafka", "neo4j", "redis")

_READY_WITHIN = timedelta(seconds=180)  # two Java servers that start at once on two busy cores
_GRACE = timedelta(seconds=30)  # Kafka and Neo4j flush to disk; killed ones recover, but slower


class Engine(Protocol):
    """A server that is configured by its data folder."""

    @property
    def name(self) -> str: ...
    @property
    def folder(self) -> Path: ...
    def prepare(self) -> list[str]:
        """Bring the data folder into shape; the command of the server. Blocks."""
        ...

    async def answers(self) -> str:
        """Wait for ever until the server answers a request of its protocol: its version."""
        ...


class Servers:
    """Any subset of the three. Of any event loop: nothing here belongs to the loop that called `start`.

    Start them from a thread that stays: children end with the thread that started them, and with this process.

    Invariants: the lock of the folder is held from `start` to the end of `stop`; ports stay the same between them, and
    where they are free at the next `start` too.
    """

    def __init__(
        self,
        folder: Path,
        *,
        kafka: bool = True,
        neo4j: bool = True,
        redis: bool = True,
        kafka_proxy: int = 0,
        short_lived: bool = False,
    ) -> None:
        """`short_lived` is for tests: Java then compiles less, starts with less CPU time and never gets as fast.

        `kafka_proxy` is the port of a proxy of yours: Kafka then has a second listener, at `kafka_behind_proxy`,
        whose clients are told to connect to that port. Without it a client would go past the proxy after its first
        request, as Kafka tells each client where its brokers are.
        """
        self.folder = folder.absolute()
        self.versions: dict[str, str] = {}  # of the servers that run, by name
        self._wanted = {"kafka": kafka, "neo4j": neo4j, "redis": redis}
        self._kafka_proxy, self._short_lived = kafka_proxy, short_lived
        self._ports: dict[str, int] = {}
        self._engines: dict[str, Engine] = {}
        self._processes: dict[str, Process] = {}
        self._lock: IO[str] | None = None

    @property
    def names(self) -> list[str]:
        """Of the servers that are wanted."""
        return [name for name in NAMES if self._wanted[name]]

    @property
    def kafka(self) -> str:
        """Bootstrap address, host:port."""
        return f"127.0.0.1:{self._ports['kafka']}"

    @property
    def kafka_behind_proxy(self) -> str:
        """Where the proxy of `kafka_proxy` has to forward to."""
        return f"127.0.0.1:{self._ports['kafka.proxied']}"

    @property
    def redis_url(self) -> str:
        return f"redis://127.0.0.1:{self._ports['redis']}/0"

    @property
    def graph_url(self) -> str:
        return f"neo4j://127.0.0.1:{self._ports['neo4j']}"

    @property
    def neo4j_user(self) -> str:
        return neo4j.USER

    @property
    def neo4j_password(self) -> str:
        return self._neo4j().password()

    def environment(self) -> dict[str, str]:
        """What a service has to be told, by the names of its settings."""
        found: dict[str, str] = {}
        if self._wanted["kafka"]:
            found["ATTUNE_KAFKA"] = self.kafka
        if self._wanted["redis"]:
            found["ATTUNE_REDIS_URL"] = self.redis_url
        if self._wanted["neo4j"]:
            found["ATTUNE_GRAPH_URL"] = self.graph_url
            found["ATTUNE_NEO4J_USER"] = self.neo4j_user
            found["ATTUNE_NEO4J_PASSWORD"] = self.neo4j_password
        return found

    async def start(self) -> None:
        """Return when each of them answers requests.

        Raises:
            DataInUseError: others run on this folder.
            ServerUnavailableError: Java, the jars or a redis-server is missing.
            StartError: a server ended or did not answer in time; all are stopped again.
        """
        self._take_lock()
        try:
            await asyncio.to_thread(ledger.sweep, self._ledger)
            names = ["kafka", "kafka.controller", "kafka.proxied", "neo4j", "redis"]
            self._ports = ports.remember(self.folder / "ports.json", names, random.Random())
            made: tuple[Engine, ...] = (self._kafka(), self._neo4j(), self._redis())
            self._engines = {engine.name: engine for engine in made}
            for name, engine in self._engines.items():
                self._processes[name] = Process(name, engine.folder, self.log(name))
            await together(self.start_again(name) for name in self.names)
        except BaseException:
            await self.stop()
            raise

    async def start_again(self, name: str) -> None:
        """After `kill`: on the same port and the same data. Or one that was not wanted so far. Returns when it answers.

        Raises:
            StartError: it cannot run here, ended, or did not answer in time.
        """
        engine, process = self._engines[name], self._processes[name]
        self._wanted[name] = True
        command = await asyncio.to_thread(engine.prepare)
        process.spawn(command)
        self._remember_children()
        self.versions[name] = await until(process, engine.answers(), _READY_WITHIN)

    async def kill(self, name: str) -> None:
        """SIGKILL, as a crash; returns when it is gone."""
        await self._processes[name].kill()

    def process(self, name: str) -> Process:
        """For those who supervise it."""
        return self._processes[name]

    def log(self, name: str) -> Path:
        """The file of what a server says."""
        return self.folder / "logs" / f"{name}.log"

    def pid(self, name: str) -> int | None:
        """None while it does not run."""
        return self._processes[name].pid

    async def make_topics(self, partitions: int = 4) -> list[str]:
        """All topics of the contract that are absent, each with its `.dead`, in step with those that exist: names."""
        return await topics.make(self.kafka, partitions=partitions)

    async def stop(self) -> None:
        """End all of them; the data stays. It may be called at any time and more than once."""
        await asyncio.gather(*(process.stop(_GRACE) for process in self._processes.values()))
        if self._lock is not None:
            self._ledger.unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _kafka(self) -> Kafka:
        return Kafka(
            self.folder / "kafka",
            self._ports["kafka"],
            controller_port=self._ports["kafka.controller"],
            proxied_port=self._ports["kafka.proxied"],
            proxy_port=self._kafka_proxy,
            short_lived=self._short_lived,
        )

    def _neo4j(self) -> Neo4j:
        return Neo4j(self.folder / "neo4j", self._ports["neo4j"], self._short_lived)

    def _redis(self) -> Redis:
        return Redis(self.folder / "redis", self._ports["redis"])

    def _take_lock(self) -> None:
        self._lock = files.try_lock(self.folder / "lock")
        if self._lock is None:
            owner = (self.folder / "lock").read_text(encoding="utf-8").strip()
            raise DataInUseError(f"{self.folder} is in use by the servers of process {owner or '(unknown)'}")
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()

    def _remember_children(self) -> None:
        known = (ledger.entry(name, each.pid) for name, each in self._processes.items() if each.pid is not None)
        ledger.write(self._ledger, [entry for entry in known if entry is not None])

    @property
    def _ledger(self) -> Path:
        return self.folder / "processes.json"
