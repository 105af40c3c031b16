from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from attune_embedded.platform import Platform
from attune_embedded.supervision import Notice

SERVICES = Path(__file__).parent / "services"
PATIENCE = 20  # seconds


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """An environment in which the services of this folder can be run and the user's list of platforms is a new one."""
    path = os.pathsep.join(filter(None, [str(SERVICES), os.environ.get("PYTHONPATH")]))
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ATTUNE_")}
    return ours | {"PYTHONPATH": path, "XDG_STATE_HOME": str(tmp_path / "state")}


class Notices(list[Notice]):
    """What platforms reported, and a way to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self._more = asyncio.Event()

    def add(self, notice: Notice) -> None:
        self.append(notice)
        self._more.set()

    async def told(self, process: str, event: str, *, times: int) -> None:
        """Wait until that was said of the process that often."""
        async with asyncio.timeout(PATIENCE):
            while sum((each.process, each.event) == (process, event) for each in self) < times:
                self._more.clear()
                await self._more.wait()


@pytest.fixture
def notices() -> Notices:
    """What the platforms of `start` report."""
    return Notices()


@pytest.fixture
async def start(env: dict[str, str], notices: Notices) -> AsyncIterator[Callable[..., Platform]]:
    """Make platforms that are stopped after the test, whatever happens in it."""
    made: list[Platform] = []

    def make(data: Path, *services: str) -> Platform:
        within = timedelta(seconds=PATIENCE)
        made.append(Platform(data, services=services or ("echo",), env=env, ready_within=within, report=notices.add))
        return made[-1]

    yield make
    for platform in made:
        await platform.stop()


@pytest.fixture
def run(env: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Run Python with these arguments; the process and its children are killed after the test."""
    started: list[subprocess.Popen[str]] = []

    def go(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, *arguments]
        started.append(subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield go
    for process in started:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
        process.communicate()
