"""Reads of many callers in one round trip."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from needs.stores.connection import Connection, connection

_MOST = 64  # reads of one round trip: some 150 KB of people
Asked = tuple[tuple[str, ...], "asyncio.Future[list[bytes | None]]"]


class Reads:
    """Those that come while a round trip is under way go together in the next one: the busier, the cheaper each.

    Invariant: while somebody waits, a task is at work. Each read stays a command of its own, with keys of one slot.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: list[Asked] = []
        self._work: asyncio.Task[None] | None = None

    async def get(self, *keys: str) -> list[bytes | None]:
        """What lies under each key; None: nothing. Raises MemoryAway."""
        answer: asyncio.Future[list[bytes | None]] = asyncio.get_running_loop().create_future()
        self._waiting.append((keys, answer))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._until_all_is_read())
        return await answer

    async def _until_all_is_read(self) -> None:
        while self._waiting:
            asked: list[Asked] = []
            try:
                async with connection(self._redis) as redis:
                    while self._waiting:
                        asked, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                        await _read(redis, asked)
            except Exception as error:  # noqa: BLE001 - it is raised where somebody waits
                for _, answer in asked or self._left():
                    if not answer.done():
                        answer.set_exception(error)

    def _left(self) -> list[Asked]:
        """All who wait, where there is no connection."""
        left, self._waiting = self._waiting, []
        return left


async def _read(redis: Connection, asked: list[Asked]) -> None:
    replies = await redis.together(*(("MGET", *keys) for keys, _ in asked))
    for (_, answer), found in zip(asked, replies, strict=True):
        if not answer.done():  # whoever asked may have left
            answer.set_result(found)
