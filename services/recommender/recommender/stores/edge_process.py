"""The process in which one shop's index lives."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from recommender.stores import edge_frames as frames

_STDIN = 0


class IndexGone(ConnectionError):
    """The process of an index has ended."""


class EdgeProcess(asyncio.SubprocessProtocol):
    """Asks it. Answers come in the order of the questions; what is written is found by the very next question.

    Frames are taken as they come: a stream, and a task that reads it, would be two more turns of the loop for each.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[frames.Told]] = deque()
        self._came = bytearray()  # of an answer that is not complete
        self._room, self._gone = asyncio.Event(), asyncio.Event()
        self._room.set()
        self.alive = True  # whether it can be asked

    @classmethod
    async def start(cls, folder: Path, dim: int, *, build: bool = False) -> EdgeProcess:
        """To answer, or to build: then it gives way to all others."""
        command = [sys.executable, "-m", "recommender.stores.edge_worker", str(folder), str(dim)]
        command += ["build"] if build else []
        _, process = await asyncio.get_running_loop().subprocess_exec(cls, *command, stderr=None)
        return process

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It has begun."""
        assert isinstance(transport, asyncio.SubprocessTransport)  # noqa: S101 - what it was started as
        self._process = transport
        stdin = transport.get_pipe_transport(_STDIN)
        assert isinstance(stdin, asyncio.WriteTransport)  # noqa: S101 - likewise
        self._stdin = stdin

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:  # noqa: ARG002 - as a protocol is called
        """Some of what it tells."""
        assert isinstance(data, bytes)  # noqa: S101 - no encoding was asked for
        self._came += data
        begun, size = 0, frames.LENGTH.size
        while len(self._came) >= begun + size:
            end = begun + size + frames.LENGTH.unpack_from(self._came, begun)[0]
            if len(self._came) < end:
                break
            try:
                told, waiting = frames.told(self._came[begun + size : end]), self._waiting.popleft()
            except (msgspec.MsgspecError, IndexError):  # whatever comes after would answer somebody else
                self.kill()
                self._end()
                return
            if not waiting.done():  # who asked may have left
                waiting.set_result(told)
            begun = end
        del self._came[:begun]

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - likewise
        """It ended, or is about to; what it was told last may have been why."""
        self._room.set()
        if fd != _STDIN:
            self._end()

    def _end(self) -> None:
        self.alive = False
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(IndexGone("the process of the index has ended"))
        self._waiting.clear()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - likewise
        """It has ended."""
        self._process.close()
        self._gone.set()

    def pause_writing(self) -> None:
        """It is behind with what it was told."""
        self._room.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._room.set()

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
        with suppress(ProcessLookupError):
            self._process.kill()

    async def close(self) -> None:
        """It writes what it has and ends."""
        self._stdin.close()
        await self._gone.wait()

    async def _send(self, asked: frames.Asked) -> None:
        """Returns when there is room for more. Raises IndexGone, also where it ended meanwhile."""
        self._write(asked)
        await self._room.wait()
        if not self.alive or self._stdin.is_closing():
            raise IndexGone("the process of the index has ended")

    async def _ask(self, asked: frames.Asked) -> frames.Told:
        self._write(asked)
        answer: asyncio.Future[frames.Told] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        return await answer

    def _write(self, asked: frames.Asked) -> None:
        if not self.alive:
            raise IndexGone("the process of the index has ended")
        body = frames.pack(asked)
        self._stdin.write(frames.LENGTH.pack(len(body)) + body)
