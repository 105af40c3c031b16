"""Several Redis commands in one round trip on one connection, for transactions that watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from needs.stores.wire import Command, Reply, Wire, packed
from needs.usecases import MemoryAway

_IDLE = 16  # connections kept open: the partitions of two topics that one process works on


class Connections:
    """Connections of the client's pool, kept open between two uses. They end with the client."""

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        self._idle: list[Wire] = []

    async def take(self) -> Wire:
        """One for the caller alone, who brings it `back`."""
        while self._idle:
            wire = self._idle.pop()
            if wire.whole:
                return wire
            await self._leave(wire)
        connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        return Wire(connection)

    async def back(self, wire: Wire) -> None:
        """It was used, and nothing is under way on it."""
        if wire.whole and len(self._idle) < _IDLE:
            self._idle.append(wire)
        else:
            await self._leave(wire)

    async def _leave(self, wire: Wire) -> None:
        await wire.connection.disconnect(nowait=True)
        await self._pool.release(wire.connection)


class Connection:
    """A connection of its own: WATCH holds for it alone."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def together(self, *commands: Command) -> list[Reply]:
        """Send all, then read one reply each. Raises the ResponseError of the first that Redis refuses."""
        answer: asyncio.Future[list[Reply]] = asyncio.get_running_loop().create_future()
        self._wire.send(b"".join([packed(tuple(command)) for command in commands]), [(len(commands), answer)])
        return _good(await answer)

    async def transaction(self, *commands: Command) -> list[Any] | None:
        """MULTI … EXEC; None when a watched key was written by someone else."""
        replies = await self.together(("MULTI",), *commands, ("EXEC",))
        result: list[Any] | None = replies[-1]
        return None if result is None else _good(result)


@asynccontextmanager
async def connection(connections: Connections) -> AsyncIterator[Connection]:
    """A connection for the caller alone. Closed after an error: it may watch, and replies may still be under way."""
    with outages():
        wire = await connections.take()
        try:
            yield Connection(wire)
        except BaseException:
            wire.abort()
            raise
        finally:
            await connections.back(wire)


@contextmanager
def outages() -> Iterator[None]:
    """What Redis says when it is away, full or slow, in the words of the domain."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise MemoryAway(f"{type(error).__name__}: {error}") from error


def _good(replies: list[Reply]) -> list[Reply]:
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies
