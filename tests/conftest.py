"""Engines for tests: real ones, started once for the whole run."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Bootstrap address of an embedded broker with all topics of the contract, four partitions each."""
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
    port, folder = _free_port(), tmp_path_factory.mktemp("redis")
    command = [sys.executable, "-m", "attune_embedded.redis", "--data", str(folder), "--port", str(port)]
    server = subprocess.Popen([*command, "--parent", str(os.getpid())], stdout=subprocess.DEVNULL)
    _wait_for(port)
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait(10)


@pytest.fixture
def tenant() -> str:
    """A shop of its own for each test, so that tests can share engines."""
    return f"t{uuid.uuid4().hex[:12]}"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _wait_for(port: int, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")
