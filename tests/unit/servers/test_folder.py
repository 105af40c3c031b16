"""A folder of servers: one owner, the same ports and data after each start, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from redis.asyncio import Redis

from attune_embedded.platform import DataInUseError
from attune_servers import Servers, missing, running


def redis_only(folder: Path) -> Servers:
    return Servers(folder, kafka=False, neo4j=False)


async def test_what_was_written_is_there_after_a_crash_and_after_a_stop(folder: Path) -> None:
    async with redis_only(folder) as servers:
        url = servers.redis_url
        async with Redis.from_url(url) as client:
            await client.set("ada", "tea")
        await servers.kill("redis")
        assert servers.pid("redis") is None
        await servers.start_again("redis")
        async with Redis.from_url(url) as client:
            assert await client.get("ada") == b"tea"
    async with redis_only(folder) as servers:
        assert servers.redis_url == url
        async with Redis.from_url(url) as client:
            assert await client.get("ada") == b"tea"


async def test_a_folder_has_one_owner(folder: Path) -> None:
    async with redis_only(folder):
        with pytest.raises(DataInUseError, match=f"is in use by the servers of process {os.getpid()}"):
            await redis_only(folder).start()


async def test_a_stopped_server_leaves_no_process(folder: Path) -> None:
    async with redis_only(folder) as servers:
        pid = servers.pid("redis")
    assert pid is not None
    assert not psutil.pid_exists(pid)


def test_servers_end_with_a_parent_that_is_killed(folder: Path) -> None:
    with in_the_foreground(folder, "--json") as (process, told):
        assert told["environment"].keys() == {"ATTUNE_REDIS_URL"}
        (server,) = psutil.Process(process.pid).children()
        process.kill()
        server.wait(20)


def test_others_find_the_servers_of_a_folder_while_they_run(folder: Path) -> None:
    with in_the_foreground(folder, "--json") as (process, told):
        assert running.find(folder) == told["environment"]
        process.terminate()
        process.wait(20)
    assert running.find(folder) == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_servers_that_are_stopped_during_their_start_leave_nothing(folder: Path, number: signal.Signals) -> None:
    """All three, as `make servers`: Java needs seconds to answer, so that each signal comes during the start."""
    if reason := missing():
        pytest.skip(reason)
    command = [sys.executable, "-m", "attune_servers", "--data", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        ours = started(process, len(("kafka", "neo4j", "redis")))
        process.send_signal(number)
        code = process.wait(60)
        told, said = process.communicate()
    assert (code, told) == (-number if number == signal.SIGKILL else 0, "")
    assert "Traceback" not in said
    assert psutil.wait_procs(ours, timeout=60)[1] == []
    assert running.find(folder) == {}


def started(process: subprocess.Popen[str], most: int) -> list[psutil.Process]:
    """Its children, and theirs, once there are so many."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        ours = psutil.Process(process.pid).children(recursive=True)
        if len(ours) >= most:
            return ours
        time.sleep(0.02)
    raise TimeoutError("the servers were not started")


@contextmanager
def in_the_foreground(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, dict[str, str]]]]:
    command = [sys.executable, "-m", "attune_servers", "--data", str(folder), "--only", "redis", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()
