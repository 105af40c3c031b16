"""How far the log is in Redis, whichever replica wrote it."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from content.stores.away import memory
from content.usecases.ports import MemoryAway, Span

# KEYS: position. ARGV: life of the log, next offset, what is sure (empty: not known).
_REACH = """
local held = redis.call('HMGET', KEYS[1], 'log', 'next', 'sure')
local reached, sure = tonumber(ARGV[2]), tonumber(ARGV[3]) or 0
if held[1] == ARGV[1] then
  reached, sure = math.max(reached, tonumber(held[2])), math.max(sure, tonumber(held[3]))
end
redis.call('HSET', KEYS[1], 'log', ARGV[1], 'next', string.format('%.0f', reached),
           'sure', string.format('%.0f', sure))
return reached
"""


class RedisPositions:
    """Keys `content:{<topic>/<partition>}:read`: `log` is the life of the log, everything before `next` is in the
    stores, everything before `sure` needs never be read again.

    Invariant: written after the state it tells of, and within a life of the log it only grows.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis, self._reach = redis, redis.register_script(_REACH)

    async def reached(self, span: Span, sure: int | None) -> None:
        key = _key(span.topic, span.partition)
        with memory():
            await self._reach(keys=[key], args=[span.log, span.next_offset, "" if sure is None else sure])
        if await self.run() != span.run and span.run:
            raise MemoryAway("it was started anew in the middle of a slice, and may have lost its beginning")

    async def applied(self, log: str, topic: str, partition: int) -> int | None:
        """The next offset in this life of the log (empty: the last one seen); None: nothing of it was applied."""
        return await self._held(log, topic, partition, "next")

    async def sure(self, log: str, topic: str, partition: int) -> int | None:
        """From where to read on; None: nothing is remembered of this life of the log."""
        return await self._held(log, topic, partition, "sure")

    async def run(self) -> str:
        """Names this life of the engine: what it loses, it loses where one life ends. Empty where it is not told."""
        with memory():
            try:
                return str((await self._redis.info("server")).get("run_id", ""))
            except NoPermissionError:
                return ""

    async def _held(self, log: str, topic: str, partition: int, field: str) -> int | None:
        with memory():
            held: list[Any] = await self._redis.hmget(_key(topic, partition), ["log", field])
        if held[0] is None or (log and held[0].decode() != log):
            return None
        return int(held[1])


def _key(topic: str, partition: int) -> str:
    return f"content:{{{topic}/{partition}}}:read"
