"""Engines for tests: real ones, started once for the whole run."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest
from ports import free_port
from real_engines import Engines, Graph, NotHereError
from side_by_side import (
    TOLD,
    pytest_configure,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
    pytest_xdist_make_scheduler,
)

from attune_servers import Servers

T = TypeVar("T")

__all__ = [
    "pytest_configure",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
    "pytest_xdist_make_scheduler",
]


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Bootstrap address of an embedded broker with all topics of the contract, four partitions each."""
    with _broker() as address:
        yield address


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[str]:
    """The same for one module: a service of it shares its consumer group with no other test's."""
    with _broker() as address:
        yield address


@contextmanager
def _broker() -> Iterator[str]:
    command = [sys.executable, "-m", "attune_embedded.broker", "--parent", str(os.getpid())]
    broker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert broker.stdout is not None
    yield json.loads(broker.stdout.readline())["bootstrap"]
    broker.terminate()
    broker.wait(10)
    broker.stdout.close()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A redis-server of its own, with nothing in it; `ATTUNE_TEST_REDIS_URL` names another one to use."""
    if "ATTUNE_TEST_REDIS_URL" in os.environ:
        yield os.environ["ATTUNE_TEST_REDIS_URL"]
        return
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    command = [sys.executable, "-m", "attune_embedded.redis", "--data", str(folder), "--port", str(port)]
    server = subprocess.Popen([*command, "--parent", str(os.getpid())], stdout=subprocess.DEVNULL)
    _wait_for(port)
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait(10)


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Engines]:
    """The engines of production, each started when it is asked for first."""
    found = Engines(tmp_path_factory.mktemp("servers"), said=pytestconfig.stash[TOLD].engines)
    yield found
    found.close()


@pytest.fixture(scope="session")
def real_kafka(engines: Engines) -> str:
    """host:port of an Apache Kafka with all topics of the contract, four partitions each."""
    return _of(engines.kafka)


@pytest.fixture(scope="session")
def real_redis_url(engines: Engines) -> str:
    """A Redis as production has it, with an append-only file."""
    return _of(engines.redis)


@pytest.fixture(scope="session")
def neo4j_url(engines: Engines) -> Graph:
    """url, user and password of a Neo4j."""
    return _of(engines.neo4j)


@pytest.fixture(scope="session")
def qdrant_url(engines: Engines) -> str:
    """The HTTP address of a Qdrant server; `?grpc_port=` where gRPC is not one port above it."""
    return _of(engines.qdrant)


@pytest.fixture(scope="session")
def servers(engines: Engines) -> Servers:
    """Kafka, Neo4j and Redis as processes of ours. They belong to the whole run: who kills one starts it again."""
    return _of(engines.servers)


def _of(find: Callable[[], T]) -> T:
    try:
        return find()
    except NotHereError as error:
        pytest.skip(str(error))


@pytest.fixture
def tenant() -> str:
    """A shop of its own for each test, so that tests can share engines."""
    return f"t{uuid.uuid4().hex[:12]}"


def _wait_for(port: int, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")
