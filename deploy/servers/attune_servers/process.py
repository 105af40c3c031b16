"""One server as a process: started, awaited, ended; from any event loop, as tests have one each."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, TypeVar

from attune_embedded import logs
from attune_embedded.child import StartError
from attune_embedded.supervision import cause

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from datetime import timedelta
    from pathlib import Path

T = TypeVar("T")

_POLL_SECONDS = 0.02


class Process:
    """At most one at a time, in a session of its own (Ctrl-C reaches who supervises it), bound to the life of ours."""

    def __init__(self, name: str, folder: Path, log: Path) -> None:
        self.name, self._folder, self._log = name, folder, log
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._popen.pid if self._popen is not None and self._popen.poll() is None else None

    def spawn(self, command: Sequence[str]) -> None:
        """Not from a thread that ends soon: the kernel ends children with the thread that started them."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        logs.shorten(self._log)
        bound = ["--parent", str(os.getpid()), "--folder", str(self._folder), "--", *command]
        with self._log.open("ab") as log:
            self._popen = subprocess.Popen(  # noqa: S603 - commands of ours
                [sys.executable, "-P", "-m", "attune_embedded.bound", *bound],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def until(self, ready: Coroutine[None, None, T], within: timedelta) -> T:
        """The result of `ready`.

        Raises:
            StartError: the process ended first, or was not ready in time and was killed.
        """
        end, success = asyncio.create_task(self.exited()), asyncio.create_task(ready)
        try:
            await asyncio.wait({end, success}, timeout=within.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
            if success.done():
                return success.result()
            if end.done():
                raise StartError(f"{self.name} {cause(end.result())} before it answered{self._last_words()}")
            await self.kill()
            raise StartError(f"{self.name} did not answer within {within.total_seconds():g} s{self._last_words()}")
        finally:
            for task in (end, success):
                task.cancel()
            await asyncio.gather(end, success, return_exceptions=True)

    async def exited(self) -> int:
        """Wait for the end: the exit code, or minus the signal that ended it."""
        while self._popen is not None and self._popen.poll() is None:  # noqa: ASYNC110 - no event tells every loop
            await asyncio.sleep(_POLL_SECONDS)
        return 0 if self._popen is None else self._popen.returncode

    async def stop(self, grace: timedelta) -> None:
        """Ask it to end, then make it end. Nothing happens to one that has ended."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace.total_seconds()):
                await self.exited()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        self._signal(signal.SIGKILL)
        await self.exited()

    def _signal(self, number: signal.Signals) -> None:
        if self._popen is not None and self._popen.poll() is None:
            self._popen.send_signal(number)

    def _last_words(self) -> str:
        tail = logs.tail(self._log)
        return f"; the end of {self._log}:\n{tail}" if tail else f"; {self._log} is empty"
