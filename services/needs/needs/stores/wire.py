"""One connection to Redis without a task, a timer or a wait of its own for each command and each reply.

The client connects and says who we are; from then on commands are written as they come, and replies settle the futures
of who waits, in their order. That costs a quarter of the client's own way (docs/decisions/0029).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from hiredis import PushNotification, Reader, pack_command  # the client's own packing costs more than the fold
from redis.exceptions import ResponseError

Command = Sequence[bytes | str | int]
Reply = Any  # bytes, int, list or None; where Redis refuses a command, a ResponseError
packed: Callable[..., bytes] = pack_command  # of any number of parts, whatever its stub says
_NOT_YET = object()


class Wire(asyncio.Protocol):
    """Invariant: `_asked` holds who waits for how many replies since when, in the order in which they come."""

    def __init__(self, connection: Any) -> None:
        """Takes over a connection of the client that nothing was asked on yet. `connection` still closes it."""
        self.connection = connection
        self._transport = connection._writer.transport  # noqa: SLF001 - the client gives it to nobody
        self._before = self._transport.get_protocol()
        self._loop = asyncio.get_running_loop()
        self._timeout: float | None = connection.socket_timeout
        self._timer: asyncio.TimerHandle | None = None
        self._reader = Reader(replyError=ResponseError, notEnoughData=_NOT_YET)
        self._asked: deque[tuple[float, int, asyncio.Future[list[Reply]]]] = deque()
        self._came: list[Reply] = []  # for the first of those who wait
        self.whole = True  # whether replies still come, and in step
        self._transport.set_protocol(self)

    def send(self, data: bytes, each: Sequence[tuple[int, asyncio.Future[list[Reply]]]]) -> None:
        """Write packed commands at once; of how many of them each future gets the replies, in their order."""
        if not self.whole:
            raise ConnectionError("the connection is closed")
        now = self._loop.time()
        self._asked.extend((now, replies, answer) for replies, answer in each)
        self._transport.write(data)
        if self._timer is None and self._timeout is not None:
            self._timer = self._loop.call_later(self._timeout, self._look)

    def data_received(self, data: bytes) -> None:
        """Settle whoever has all replies now."""
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not _NOT_YET:
            if isinstance(reply, PushNotification):
                continue
            self._came.append(reply)
            if len(self._came) == self._asked[0][1]:
                _, _, answer = self._asked.popleft()
                came, self._came = self._came, []
                if not answer.done():  # whoever asked may have left
                    answer.set_result(came)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will come."""
        self._fail(exc if isinstance(exc, OSError) else ConnectionError("Redis closed the connection"))
        self._before.connection_lost(exc)  # the client waits for it when it closes

    def abort(self) -> None:
        """Leave at once, whatever is under way."""
        self.whole = False
        self._transport.abort()

    def _look(self) -> None:
        """Whether the first of those who wait waits for too long; one timer looks after all of them."""
        self._timer = None
        if self._asked and self._timeout is not None:
            left = self._asked[0][0] + self._timeout - self._loop.time()
            if left > 0:
                self._timer = self._loop.call_later(left, self._look)
            else:
                self._fail(TimeoutError(f"Redis did not answer within {self._timeout:g} s"))
                self._transport.abort()

    def _fail(self, why: Exception) -> None:
        self.whole = False
        if self._timer is not None:
            self._timer.cancel()
        for _, _, answer in self._asked:
            if not answer.done():
                answer.set_exception(why)
        self._asked.clear()
