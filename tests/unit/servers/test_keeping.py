"""A server that ends is started again, whatever made an earlier start fail."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from attune_embedded import supervision
from attune_embedded.supervision import Notice
from attune_servers import Servers
from attune_servers.keeping import keep
from attune_servers.present import ServerUnavailableError
from attune_servers.redis import Redis


class Ended:
    """A child that is never there."""

    def __init__(self, log: Path) -> None:
        self.name, self.log, self.deliberate = "redis", log, False

    async def exited(self) -> int:
        return -9

    async def kill(self) -> None: ...


def pauses(notices: list[Notice]) -> list[float]:
    return [float(each.detail.split()[-2]) for each in notices if each.event == "ended"]


async def told(notices: list[Notice], folder: Path, *, steady: timedelta, errors: list[Exception]) -> None:
    """Keep a child until `errors`, one for each start, are used up."""

    async def revive() -> None:
        if not errors:
            raise asyncio.CancelledError
        raise errors.pop(0)

    with pytest.raises(asyncio.CancelledError):
        await supervision.keep(Ended(folder / "log"), revive, notices.append, steady=steady)


async def test_a_server_that_cannot_start_is_tried_again_after_longer_and_longer_pauses(tmp_path: Path) -> None:
    notices: list[Notice] = []
    errors = [ServerUnavailableError("no redis-server"), OSError("disk full")]
    await told(notices, tmp_path, steady=timedelta(minutes=1), errors=errors)
    assert pauses(notices) == [0.2, 0.4, 0.8]
    assert [each.detail for each in notices if each.event == "failed"] == ["no redis-server", "disk full"]


async def test_who_ran_long_enough_begins_with_the_first_pause(tmp_path: Path) -> None:
    notices: list[Notice] = []
    await told(notices, tmp_path, steady=timedelta(0), errors=[OSError("busy")])
    assert pauses(notices) == [0.2, 0.2]


async def test_a_server_that_is_killed_is_there_again(folder: Path) -> None:
    notices: list[Notice] = []
    again = asyncio.Event()

    def report(notice: Notice) -> None:
        notices.append(notice)
        if notice.event == "ready":
            again.set()

    async with Servers(folder, kafka=False, neo4j=False) as servers:
        keeper = asyncio.create_task(keep(servers, report))
        before = servers.pid("redis")
        assert before is not None
        os.kill(before, signal.SIGKILL)
        async with asyncio.timeout(20):
            await again.wait()
        assert servers.pid("redis") not in {None, before}
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
    assert [each.event for each in notices] == ["ended", "ready"]


def test_a_redis_that_is_too_old_for_the_data_is_told_as_what_cannot_run_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.2.9'\n")
    old.chmod(0o755)
    (tmp_path / "data" / "appendonlydir").mkdir(parents=True)
    monkeypatch.setenv("ATTUNE_REDIS_SERVER", str(old))
    with pytest.raises(ServerUnavailableError, match="is older; set ATTUNE_REDIS_SERVER"):
        Redis(tmp_path / "data", 1).prepare()
