"""A TCP proxy that stands between a service and an engine and does what networks and tired engines do."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal

Mode = Literal["pass", "refuse", "blackhole", "error"]
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, no time: closing sends RST
_CHUNK = 65_536


class Proxy:
    """Forwards bytes to `port` of 127.0.0.1 from a port of its own, until told otherwise. Lives in a thread.

    Modes: `pass` forwards; `refuse` resets every connection at once; `blackhole` takes bytes and gives none, on old
    and new connections alike; `error` answers each Redis command with `error` and forwards none. `latency` (seconds)
    holds back what the engine says, `bandwidth` (bytes/s) slows both ways. `kafka`: replies name the broker's own
    address, under which a client would go around the proxy: the port in them is replaced by ours.
    """

    def __init__(self, port: int, *, kafka: bool = False) -> None:
        self.target, self.mode, self.latency, self.bandwidth, self.error = port, "pass", 0.0, 0.0, "LOADING"
        self.passed, self.faults = 0, 0  # connections forwarded; connections or commands that met a fault
        self._kafka = kafka
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(listening.getsockname()[1])
        self.address = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._connected, sock=listening, limit=1 << 24))

    def set(self, mode: Mode, *, error: str = "") -> None:
        """From now on, for all connections; `refuse` ends those there are."""
        self.mode, self.error = mode, error or self.error
        if mode == "refuse":
            self.cut()

    def cut(self) -> None:
        """RST on every connection; new ones are as `mode` says."""
        self._loop.call_soon_threadsafe(self._cut)

    def close(self) -> None:
        """End."""
        self._do(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _do(self, work: Awaitable[asyncio.Server | None]) -> asyncio.Server | None:
        async def run() -> asyncio.Server | None:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    async def _finish(self) -> None:
        if self._server is not None:
            self._server.close()
        self._cut()
        tasks = [task for task in asyncio.all_tasks(self._loop) if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _cut(self) -> None:
        for writer in list(self._writers):
            self.faults += 1
            _reset(writer)

    async def _connected(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        if self.mode == "refuse":
            self.faults += 1
            _reset(answers)
            return
        try:
            engine, questions = await asyncio.open_connection("127.0.0.1", self.target, limit=1 << 24)
        except OSError:
            _reset(answers)
            return
        self.passed += 1
        both = {answers, questions}
        self._writers |= both
        back = self._frames if self._kafka else self._chunks
        try:
            ways = [self._forward(client, questions, answers), self._back(engine, answers, back)]
            tasks = [asyncio.ensure_future(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._writers -= both
            for writer in both:
                writer.close()

    async def _forward(
        self, client: asyncio.StreamReader, questions: asyncio.StreamWriter, answers: asyncio.StreamWriter
    ) -> None:
        while data := await client.read(_CHUNK):
            if self.mode == "blackhole":
                self.faults += 1
            elif self.mode == "error":
                commands = await _rest_of_commands(data, client)
                self.faults += commands
                answers.write(f"-{self.error}\r\n".encode() * commands)
            else:
                await self._slowly(data)
                questions.write(data)
                await questions.drain()

    async def _back(
        self, engine: asyncio.StreamReader, answers: asyncio.StreamWriter,
        read: Callable[[asyncio.StreamReader], Awaitable[bytes]],
    ) -> None:  # fmt: skip
        while data := await read(engine):
            if self.latency:
                self.faults += 1
                await asyncio.sleep(self.latency)
            await self._slowly(data)
            while self.mode == "blackhole":  # noqa: ASYNC110 - another thread changes it
                await asyncio.sleep(0.02)
            answers.write(data)
            await answers.drain()

    async def _slowly(self, data: bytes) -> None:
        if self.bandwidth:
            self.faults += 1
            await asyncio.sleep(len(data) / self.bandwidth)

    async def _chunks(self, engine: asyncio.StreamReader) -> bytes:
        return await engine.read(_CHUNK)

    async def _frames(self, engine: asyncio.StreamReader) -> bytes:
        """One Kafka reply, with our port for the broker's wherever a host and a port stand together."""
        with suppress(asyncio.IncompleteReadError):
            size = await engine.readexactly(4)
            body = await engine.readexactly(int.from_bytes(size, "big"))
            for host in (b"127.0.0.1", b"localhost"):
                body = body.replace(host + struct.pack(">i", self.target), host + struct.pack(">i", self.port))
            return size + body
        return b""


def _reset(writer: asyncio.StreamWriter) -> None:
    plain = writer.get_extra_info("socket")
    if plain is not None:
        with suppress(OSError):
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


async def _rest_of_commands(data: bytes, client: asyncio.StreamReader) -> int:
    """How many Redis commands `data` holds; what its last one lacks is read, and forwarded to nobody."""
    count, at = 0, 0

    async def line() -> bytes:
        nonlocal data, at
        while b"\r\n" not in data[at:]:
            data += await client.read(_CHUNK)
        end = data.index(b"\r\n", at)
        found, at = data[at:end], end + 2
        return found

    while at < len(data):
        for _ in range(int((await line())[1:])):
            size = int((await line())[1:])
            while len(data) < at + size + 2:
                data += await client.read(_CHUNK)
            at += size + 2
        count += 1
    return count
