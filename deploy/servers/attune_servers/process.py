"""One server as a process: started, awaited, ended; from any event loop, as tests have one each."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from attune_embedded import logs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from pathlib import Path

_POLL_SECONDS = 0.02


class Process:
    """In a session of its own (Ctrl-C reaches who supervises it), bound to the life of ours.

    Invariants: at most one process at a time; `deliberate` is true from `stop` until the next `spawn`.
    """

    def __init__(self, name: str, folder: Path, log: Path) -> None:
        self.name, self.log, self._folder = name, log, folder
        self.deliberate = False
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._popen.pid if self._popen is not None and self._popen.poll() is None else None

    def spawn(self, command: Sequence[str]) -> None:
        """Not from a thread that ends soon: the kernel ends children with the thread that started them."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        logs.shorten(self.log)
        bound = ["--parent", str(os.getpid()), "--folder", str(self._folder), "--", *command]
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(  # noqa: S603 - commands of ours
                [sys.executable, "-P", "-m", "attune_embedded.bound", *bound],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.deliberate = False

    async def exited(self) -> int:
        """Wait for the end: the exit code, or minus the signal that ended it."""
        while self._popen is not None and self._popen.poll() is None:  # noqa: ASYNC110 - no event tells every loop
            await asyncio.sleep(_POLL_SECONDS)
        return 0 if self._popen is None else self._popen.returncode

    async def stop(self, grace: timedelta) -> None:
        """Ask it to end, then make it end. Nothing happens to one that has ended."""
        self.deliberate = True
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
