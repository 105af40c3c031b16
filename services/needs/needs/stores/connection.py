"""Several Redis commands in one round trip on one connection, for transactions that watch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from hiredis import pack_command  # the client's own packing costs more than the fold
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from needs.usecases import MemoryAway

Command = Sequence[bytes | str | int]
_packed: Callable[..., bytes] = pack_command  # of any number of parts, whatever its stub says


class Connection:
    """A connection of its own: WATCH holds for it alone."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def together(self, *commands: Command) -> list[Any]:
        """Send all, then read one reply each."""
        await self._connection.send_packed_command(b"".join([_packed(tuple(command)) for command in commands]))
        return [await self._connection.read_response() for _ in commands]

    async def transaction(self, *commands: Command) -> list[Any] | None:
        """MULTI … EXEC; None when a watched key was written by someone else."""
        replies = await self.together(("MULTI",), *commands, ("EXEC",))
        result: list[Any] | None = replies[-1]
        for reply in result or ():
            if isinstance(reply, ResponseError):
                raise reply
        return result


@asynccontextmanager
async def connection(redis: Redis) -> AsyncIterator[Connection]:
    """A connection of the pool. Closed after an error: replies still under way would answer the wrong question."""
    with outages():
        taken = await redis.connection_pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            yield Connection(taken)
        except BaseException:
            await taken.disconnect(nowait=True)
            raise
        finally:
            await redis.connection_pool.release(taken)


@contextmanager
def outages() -> Iterator[None]:
    """What Redis says when it is away, full or slow, in the words of the domain."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise MemoryAway(f"{type(error).__name__}: {error}") from error
