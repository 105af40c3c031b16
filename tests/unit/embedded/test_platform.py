from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from redis.asyncio import Redis

from attune_embedded import endpoints, ledger
from attune_embedded.child import StartError
from attune_embedded.platform import DataInUseError, Platform
from attune_embedded.supervision import Notice

Start = Callable[..., Platform]
Run = Callable[..., subprocess.Popen[str]]
PATIENCE = 20  # seconds


class Notices(Protocol):
    def __iter__(self) -> Iterator[Notice]: ...
    async def told(self, process: str, event: str, *, times: int) -> None: ...


async def test_it_works_in_a_folder_with_spaces_and_chinese_characters(start: Start, tmp_path: Path) -> None:
    platform = start(tmp_path / "my shop 我的 商店 #1 100%")
    found = await platform.start()
    pid, log = await echo(found.kafka)
    assert (pid, log) == (child(platform, "echo").pid, record(platform)["log"])


async def test_a_dead_service_is_started_again(start: Start, tmp_path: Path, notices: Notices) -> None:
    platform = start(tmp_path)
    found = await platform.start()
    before, _ = await echo(found.kafka)
    os.kill(before, signal.SIGKILL)
    await notices.told("echo", "ready", times=2)
    after, _ = await echo(found.kafka)
    assert after != before
    assert "was ended by SIGKILL" in next(each.detail for each in notices if each.event == "ended")


async def test_services_begin_again_with_a_new_log(start: Start, tmp_path: Path, notices: Notices) -> None:
    platform = start(tmp_path)
    found = await platform.start()
    service, log = await echo(found.kafka)
    child(platform, "broker").kill()
    await notices.told("echo", "ready", times=2)
    assert platform.endpoints == found  # addresses stay
    new_service, new_log = await echo(found.kafka)
    assert new_service != service
    assert new_log == record(platform)["log"] != log


async def test_redis_comes_back_with_its_data(start: Start, tmp_path: Path, notices: Notices) -> None:
    platform = start(tmp_path)
    found = await platform.start()
    async with Redis.from_url(found.redis_url) as redis:
        await redis.set("t/shop/need:ada", "tea")
    child(platform, "redis").kill()
    await notices.told("redis", "ready", times=2)
    async with Redis.from_url(found.redis_url) as redis:
        assert await redis.get("t/shop/need:ada") == b"tea"


async def test_it_runs_on_engines_that_were_started_elsewhere(
    kafka: str, redis_url: str, tmp_path: Path, env: dict[str, str]
) -> None:
    engines = {"ATTUNE_KAFKA": kafka, "ATTUNE_REDIS_URL": redis_url}
    async with Platform(tmp_path, services=["echo"], engines=engines, env=env) as platform:
        found = platform.endpoints
        assert (found.kafka, found.redis_url) == (kafka, redis_url)
        answering, _ = await echo(kafka)
        assert answering == child(platform, "echo").pid
        assert [entry.name for entry in ledger.read(tmp_path / "processes.json")] == ["echo"]


async def test_two_platforms_do_not_share_a_folder(start: Start, tmp_path: Path) -> None:
    await start(tmp_path).start()
    with pytest.raises(DataInUseError, match=f"is in use by the platform of process {os.getpid()}"):
        await start(tmp_path).start()


async def test_what_a_killed_platform_left_is_ended(
    run: Run, start: Start, tmp_path: Path, env: dict[str, str], notices: Notices
) -> None:
    killed = run("-m", "attune_embedded", "--data", str(tmp_path), "--services", "echo")
    assert killed.stdout is not None
    before = json.loads(await asyncio.to_thread(killed.stdout.readline))
    left = [psutil.Process(entry.pid) for entry in ledger.read(tmp_path / "processes.json")]
    assert len(left) == 3
    for process in left:  # so that they cannot follow their parent by themselves
        process.suspend()
    killed.kill()
    killed.communicate()
    with pytest.raises(endpoints.NoPlatformError):
        endpoints.find(env, folder=tmp_path)
    found = await start(tmp_path).start()
    assert not [process for process in left if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert {each.process for each in notices if each.event == "swept"} == {"broker", "redis", "echo"}
    assert (found.kafka, found.redis_url) == (before["kafka"], before["redis_url"])  # ports are remembered


async def test_children_end_with_a_killed_platform(run: Run, tmp_path: Path) -> None:
    platform = run("-m", "attune_embedded", "--data", str(tmp_path), "--services", "echo")
    assert platform.stdout is not None
    await asyncio.to_thread(platform.stdout.readline)
    children = psutil.Process(platform.pid).children(recursive=True)
    platform.kill()
    _, still_there = await asyncio.to_thread(psutil.wait_procs, children, 10)
    assert not still_there


async def test_a_stopped_platform_leaves_no_process_and_no_address(
    start: Start, tmp_path: Path, env: dict[str, str]
) -> None:
    platform = start(tmp_path / ".attune")
    assert await platform.start() == endpoints.find(env, folder=tmp_path)
    children = [child(platform, name) for name in ("broker", "redis", "echo")]
    await platform.stop()
    assert not [each for each in children if each.is_running()]
    with pytest.raises(endpoints.NoPlatformError, match="attune up"):
        endpoints.find(env, folder=tmp_path)


async def test_a_service_that_cannot_run_is_told_with_its_last_words(start: Start, tmp_path: Path) -> None:
    platform = start(tmp_path, "echo", "broken")
    with pytest.raises(StartError, match=r"(?s)broken ended with code 1 .*ATTUNE_SHOE_SIZE: Field required"):
        await platform.start()
    assert not ledger.read(tmp_path / "processes.json")


async def echo(kafka: str) -> tuple[int, str]:
    """The process of the service `echo` that reads an erasure now, and the life of the log it reads it from."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    answers = AIOKafkaConsumer(
        "attune.answers.v1", bootstrap_servers=kafka, auto_offset_reset="earliest", fetch_max_wait_ms=20
    )
    await producer.start()
    await answers.start()
    try:
        user = os.urandom(8).hex().encode()
        await producer.send_and_wait("attune.erasures.v1", b"x", key=user)
        async with asyncio.timeout(PATIENCE):
            async for answer in answers:
                if answer.key == user:
                    pid, log = answer.value.decode().split()
                    return int(pid), log
        raise AssertionError
    finally:
        await answers.stop()
        await producer.stop()


def child(platform: Platform, name: str) -> psutil.Process:
    entries = ledger.read(platform.endpoints.data / "processes.json" if platform.endpoints.data else Path())
    return psutil.Process(next(entry.pid for entry in entries if entry.name == name))


def record(platform: Platform) -> dict[str, str]:
    assert platform.endpoints.data is not None
    found: dict[str, str] = json.loads((platform.endpoints.data / "platform.json").read_text(encoding="utf-8"))
    return found
