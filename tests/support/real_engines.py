"""The engines of production for tests: those that the environment names, else servers of ours, else Docker's.

Each is started when a test asks for it first, once for the whole run; what ran and what did not is told at its end.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from attune_servers import Servers, missing, topics

ROOT = Path(__file__).parents[2]


class NotHereError(Exception):
    """An engine cannot be had here; the message says what would help."""


@dataclass(frozen=True)
class Graph:
    """A Neo4j; unpacks as url, user, password."""

    url: str
    user: str
    password: str

    def __iter__(self) -> Any:
        return iter((self.url, self.user, self.password))


@dataclass
class Engines:
    folder: Path
    said: dict[str, str] = field(default_factory=dict)  # what the summary says of each engine that was asked for
    _found: dict[str, Any] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _servers: Servers | None = None

    def kafka(self) -> str:
        """host:port of a Kafka that has the topics of the contract."""
        return self._once("kafka", "ATTUNE_TEST_KAFKA", self._kafka)

    def redis(self) -> str:
        return self._once("redis", "ATTUNE_TEST_REDIS_URL", self._redis)

    def qdrant(self) -> str:
        return self._once("qdrant", "ATTUNE_TEST_QDRANT_URL", self._qdrant)

    def neo4j(self) -> Graph:
        found = self._once("neo4j", "ATTUNE_TEST_GRAPH_URL", self._neo4j)
        if isinstance(found, Graph):
            return found
        user = os.environ.get("ATTUNE_TEST_NEO4J_USER", "neo4j")
        return Graph(found, user, os.environ.get("ATTUNE_TEST_NEO4J_PASSWORD", ""))

    def servers(self) -> Servers:
        """The servers of ours, whatever the environment names: for tests that need to know the processes."""
        for name in ("kafka", "neo4j", "redis"):
            self._start(name)
        assert self._servers is not None
        asyncio.run(self._servers.make_topics())
        return self._servers

    def close(self) -> None:
        if self._servers is not None:
            asyncio.run(self._servers.stop())
        self._stack.close()

    def _once(self, name: str, variable: str, find: Any) -> Any:
        if name not in self._found:
            try:
                self._found[name] = self._named(name, variable) or find()
            except NotHereError as error:
                self.said[name] = f"not run, {error}"
                self._found[name] = error
        if isinstance(self._found[name], NotHereError):
            raise self._found[name]
        return self._found[name]

    def _named(self, name: str, variable: str) -> str:
        address = os.environ.get(variable, "")
        if address:
            self.said[name] = f"of {variable} ran"
            if name == "kafka":
                asyncio.run(topics.make(address, partitions=4))
        return address

    def _kafka(self) -> str:
        if self._start("kafka"):
            assert self._servers is not None
            asyncio.run(self._servers.make_topics())
            return self._servers.kafka
        address: str = self._in_docker("kafka")
        asyncio.run(topics.make(address, partitions=4))
        return address

    def _redis(self) -> str:
        if self._start("redis"):
            assert self._servers is not None
            return self._servers.redis_url
        return str(self._in_docker("redis"))

    def _neo4j(self) -> Graph:
        if self._start("neo4j"):
            assert self._servers is not None
            return Graph(self._servers.graph_url, self._servers.neo4j_user, self._servers.neo4j_password)
        return Graph(*self._in_docker("neo4j"))

    def _qdrant(self) -> str:
        if not docker_answers():
            raise NotHereError("no ATTUNE_TEST_QDRANT_URL and no Docker")
        return str(self._in_docker("qdrant"))

    def _start(self, name: str) -> bool:
        """Whether the server `name` of ours runs; False: it cannot, and Docker can. From the main thread only."""
        reason = missing(**{each: each == name for each in ("kafka", "neo4j", "redis")})
        if reason and not docker_answers():
            raise NotHereError(f"{reason}; no Docker")
        if reason:
            return False
        if self._servers is None:
            self._servers = Servers(self.folder, kafka=False, neo4j=False, redis=False, short_lived=True)
            asyncio.run(self._servers.start())
        if name not in self._servers.versions:
            asyncio.run(self._servers.start_again(name))
        self.said[name] = f"{self._servers.versions[name]} ran"
        return True

    def _in_docker(self, name: str) -> Any:
        """The image that docker-compose.yml pins. Docker's package is imported where Docker runs, not before."""
        image: str = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"][name]["image"]
        start = getattr(importlib.import_module("containers"), name)
        found = self._stack.enter_context(start(image))
        self.said[name] = f"{image} in Docker ran"
        return found


def docker_answers() -> bool:
    try:
        command = ["docker", "info", "--format", "{{.ServerVersion}}"]
        return subprocess.run(command, capture_output=True, check=False, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
