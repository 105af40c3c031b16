from __future__ import annotations

import asyncio
import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from attune_embedded import ports, ready
from attune_embedded import redis as embedded

Run = Callable[..., subprocess.Popen[str]]


async def test_what_redis_acknowledged_survives_its_sudden_end(run: Run, tmp_path: Path) -> None:
    data, port = tmp_path / "a shop 商店" / "redis", _port(tmp_path)
    start = ("-m", "attune_embedded.redis", "--data", str(data), "--port", str(port))
    server = run(*start)
    await asyncio.wait_for(ready.redis(port), 10)
    async with Redis(port=port) as client:
        await client.set("t/shop/need:ada", "tea")
    server.kill()
    server.communicate()
    run(*start)
    await asyncio.wait_for(ready.redis(port), 10)
    async with Redis(port=port) as client:
        assert await client.get("t/shop/need:ada") == b"tea"


async def test_redis_listens_on_this_machine_only(run: Run, tmp_path: Path) -> None:
    port = _port(tmp_path)
    run("-m", "attune_embedded.redis", "--data", str(tmp_path), "--port", str(port))
    await asyncio.wait_for(ready.redis(port), 10)
    async with Redis(port=port) as client:
        assert await client.config_get("bind") == {"bind": "127.0.0.1"}
        assert await client.config_get("appendfsync") == {"appendfsync": "everysec"}


def test_a_named_server_that_is_no_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(embedded.RedisUnavailableError, match="is not a program"):
        embedded.find({"ATTUNE_REDIS_SERVER": str(tmp_path / "redis-server")})


def test_data_of_a_newer_redis_is_not_opened_with_an_older_one(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").mkdir()
    older = tmp_path / "redis-server"
    older.write_text("#!/bin/sh\necho 'Redis server v=6.2.14 sha=0'\n")
    older.chmod(0o755)
    with pytest.raises(embedded.RedisUnavailableError, match="is older"):
        embedded.check(older, tmp_path)


def test_a_server_is_found_without_any_setting() -> None:
    assert os.access(embedded.find({"PATH": os.environ["PATH"]}), os.X_OK)


def _port(folder: Path) -> int:
    return ports.remember(folder / "ports.json", ["redis"], random.Random())["redis"]
