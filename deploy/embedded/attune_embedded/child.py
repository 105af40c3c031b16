"""One process of the platform: started, awaited, ended."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from attune_embedded import logs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from pathlib import Path


class StartError(Exception):
    """A process of the platform did not become ready; the message carries the end of its log."""


class Child:
    """A process in a session of its own, so that Ctrl-C in the terminal reaches its supervisor only.

    Invariants: at most one process at a time; `deliberate` is true from `stop` until the next `spawn`.
    """

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self.log = log
        self.deliberate = False
        self._command = list(command)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def spawn(self, env: Mapping[str, str], *, arguments: Sequence[str] = (), listen: bool = False) -> None:
        """Start it. With `listen` its standard output is kept for `announcement`; its errors go to the log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        logs.shorten(self.log)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                *arguments,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if listen else log,
                stderr=log,
                start_new_session=True,
            )
        self.deliberate = False

    async def announcement(self) -> bytes:
        """The first line on standard output of a child spawned with `listen`; waits for ever when it says nothing."""
        if self._process is None or self._process.stdout is None:
            raise StartError(f"nobody listens to {self.name}")
        return await self._process.stdout.readline() or await asyncio.get_running_loop().create_future()

    async def exited(self) -> int:
        """Wait for the end: the exit code, or minus the signal that ended it."""
        return 0 if self._process is None else await self._process.wait()

    async def stop(self, grace: timedelta) -> None:
        """Ask it to end, then make it end. Nothing happens to one that has ended."""
        self.deliberate = True
        if self._process is None or self._process.returncode is not None:
            return
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace.total_seconds()):
                await self._process.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self._process.wait()

    async def kill(self) -> None:
        self._signal(signal.SIGKILL)
        await self.exited()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)
