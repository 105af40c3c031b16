"""Calls over streams that are kept open: the same messages, without the making of a call for each."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any, Generic, TypeVar

import grpc

from chassis.rpc.guard import ON_BEHALF

_MOST = 8  # lanes; whoever finds none free makes a call
_LIVES = 10.0  # seconds a lane is used, so that new replicas get their share of what is asked
_GONE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}  # how a lane ends that its server left
Request = TypeVar("Request")
Reply = TypeVar("Reply")


class Lanes(Generic[Request, Reply]):
    """A unary method, whose messages go over streams that the server answers one by one.

    A lane carries one request at a time: nobody waits for anybody else, and what goes wrong with one request harms no
    other. Lanes are opened as they are needed, each at the next replica, and take turns.

    Invariant: `_open` counts the lanes that are free or in use; a lane that gave no answer is never used again.
    """

    def __init__(
        self,
        stream: grpc.aio.StreamStreamMultiCallable[Request, Reply],
        call: grpc.aio.UnaryUnaryMultiCallable[Request, Reply],
        *,
        most: int = _MOST,
        lives: float = _LIVES,
    ) -> None:
        """`stream` and `call` mean the same; `lives`: seconds."""
        self._stream, self._call, self._most, self._lives = stream, call, most, lives
        self._free: deque[_Lane[Request, Reply]] = deque()
        self._open = 0
        self._none_before = 0.0  # by the monotonic clock

    async def __call__(self, request: Request, *, timeout: float) -> Reply:  # noqa: ASYNC109 - as a call takes it
        """What the call would reply, or raise, within `timeout` seconds."""
        begun = time.monotonic()
        lane = self._taken(begun)
        if lane is not None:
            try:
                return await self._over(lane, request, timeout)
            except _Left:
                timeout = max(0.0, timeout - (time.monotonic() - begun))
        return await self._call(request, timeout=timeout)

    def _taken(self, now: float) -> _Lane[Request, Reply] | None:
        while self._free:
            lane = self._free.popleft()  # that which rested longest
            if lane.usable(now):
                return lane
            self._leave(lane)
        if self._open >= self._most or now < self._none_before:
            return None
        self._open += 1
        return _Lane(self._stream(metadata=((ON_BEHALF, "1"),)), now + self._lives)

    async def _over(self, lane: _Lane[Request, Reply], request: Request, seconds: float) -> Reply:
        try:
            async with asyncio.timeout(seconds):
                reply = await lane.ask(request)
        except BaseException as error:
            self._leave(lane)
            if isinstance(error, TimeoutError):
                raise _late(seconds) from None
            if isinstance(error, grpc.aio.AioRpcError) and self._is_gone(lane, error):
                raise _Left from None
            raise
        self._free.append(lane)
        return reply

    def _is_gone(self, lane: _Lane[Request, Reply], error: grpc.aio.AioRpcError) -> bool:
        """Whether the request may go another way; else the error is its answer."""
        if error.code() is grpc.StatusCode.UNIMPLEMENTED:  # a server of an earlier release
            self._none_before = time.monotonic() + self._lives
            return True
        return not lane.sent or (lane.answered and error.code() in _GONE)

    def _leave(self, lane: _Lane[Request, Reply]) -> None:
        self._open -= 1
        lane.leave()


class _Lane(Generic[Request, Reply]):
    def __init__(self, stream: grpc.aio.StreamStreamCall[Request, Reply], until: float) -> None:
        self._stream, self._until = stream, until
        self.sent = self.answered = False

    def usable(self, now: float) -> bool:
        return now < self._until and not self._stream.done()

    async def ask(self, request: Request) -> Reply:
        """Raises _Left where the server ended the stream in peace."""
        self.sent = False  # a stream that ended fails to send with an error that does not say why it ended
        await self._stream.write(request)
        self.sent = True
        reply: Any = await self._stream.read()
        if reply is grpc.aio.EOF:
            raise _Left
        self.answered = True
        answer: Reply = reply
        return answer

    def leave(self) -> None:
        self._stream.cancel()


class _Left(Exception):
    """The server left the lane before it answered."""


def _late(seconds: float) -> grpc.aio.AioRpcError:
    none = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(grpc.StatusCode.DEADLINE_EXCEEDED, none, none, f"no answer within {seconds:.2g} s")
