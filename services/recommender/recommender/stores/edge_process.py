"""The process in which one shop's index lives."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.stores import edge_frames as frames

_LONGEST = 256 * 1024 * 1024  # bytes of an answer


class IndexGone(ConnectionError):
    """The process of an index has ended."""


class EdgeProcess:
    """Asks it. Answers come in the order of the questions; what is written is found by the very next question."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._waiting: deque[asyncio.Future[frames.Told]] = deque()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, folder: Path, dim: int, *, build: bool = False) -> EdgeProcess:
        """To answer, or to build: then it gives way to all others."""
        command = [sys.executable, "-m", "recommender.stores.edge_worker", str(folder), str(dim)]
        command += ["build"] if build else []
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=_LONGEST))

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return not self._reading.done()

    async def put(
        self, places: Sequence[int], vectors: NDArray[np.float32], payloads: Sequence[dict[str, Any]]
    ) -> None:
        """Write points."""
        body = np.ascontiguousarray(vectors, dtype="<f4").tobytes()
        await self._send(frames.Put(list(places), body, list(payloads)))

    async def drop(self, places: Sequence[int]) -> None:
        """Remove points."""
        await self._send(frames.Drop(list(places)))

    async def near(self, vector: NDArray[np.float32], k: int, narrow: frames.Narrow | None) -> NDArray[np.int64]:
        """The places of the nearest points, compared in 8 bits."""
        found = await self._ask(frames.Near(vector.astype("<f4").tobytes(), k, narrow))
        assert isinstance(found, frames.Found)  # noqa: S101 - answers come in the order of the questions
        return np.frombuffer(found.places, "<i8")

    async def held(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """The place of each point, the stamp of the record it is of, and whether it came after the building."""
        told = await self._ask(frames.Tell())
        assert isinstance(told, frames.Held)  # noqa: S101 - likewise
        return np.frombuffer(told.places, "<i8"), np.frombuffer(told.stamps, "<i8"), np.frombuffer(told.late, bool)

    async def build(self) -> None:
        """Returns when all that was written is indexed and on disk."""
        await self._ask(frames.Build())

    def kill(self) -> None:
        """End it: what it holds is of no use."""
        self._process.kill()

    async def close(self) -> None:
        """It writes what it has and ends."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()
        await self._reading

    async def _send(self, asked: frames.Asked) -> None:
        stdin = self._process.stdin
        if stdin is None or not self.alive:
            raise IndexGone("the process of the index has ended")
        body = frames.pack(asked)
        stdin.write(frames.LENGTH.pack(len(body)) + body)
        await stdin.drain()

    async def _ask(self, asked: frames.Asked) -> frames.Told:
        answer: asyncio.Future[frames.Told] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        await self._send(asked)
        return await answer

    async def _read(self) -> None:
        stdout = self._process.stdout
        try:
            while stdout is not None:
                (length,) = frames.LENGTH.unpack(await stdout.readexactly(frames.LENGTH.size))
                answer = frames.told(await stdout.readexactly(length))
                waiting = self._waiting.popleft()
                if not waiting.done():  # who asked may have left
                    waiting.set_result(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            for waiting in self._waiting:
                if not waiting.done():
                    waiting.set_exception(IndexGone("the process of the index has ended"))
            self._waiting.clear()
