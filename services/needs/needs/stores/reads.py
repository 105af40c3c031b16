"""Reads of many callers in one round trip."""

from __future__ import annotations

import asyncio
from typing import Any

from needs.stores.connection import Connections, outages
from needs.stores.wire import Wire, packed

_MOST = 64  # reads of one round trip: some 150 KB of people
Asked = tuple[bytes, "asyncio.Future[list[Any]]"]


class Reads:
    """Those that come while a round trip is under way go together in the next one: the busier, the cheaper each.

    Invariant: while somebody waits, a round trip is under way or a connection is being made. Each read stays a command
    of its own, with keys of one slot.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._wire: Wire | None = None
        self._waiting: list[Asked] = []
        self._under_way = False
        self._connecting: asyncio.Task[None] | None = None

    async def get(self, *keys: str) -> list[bytes | None]:
        """What lies under each key; None: nothing. Raises MemoryAway."""
        answer: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._waiting.append((packed(("MGET", *keys)), answer))
        if not self._under_way:
            self._next()
        with outages():
            (found,) = await answer
            if isinstance(found, Exception):
                raise found
        values: list[bytes | None] = found
        return values

    def _next(self) -> None:
        """Begin the next round trip, if somebody waits for one."""
        self._under_way = bool(self._waiting)
        if not self._under_way:
            return
        if self._wire is None or not self._wire.whole:
            self._connecting = asyncio.create_task(self._connect())
            return
        asked, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
        last = asked[-1][1]
        last.add_done_callback(lambda _: self._next())  # also where whoever asked has left
        self._wire.send(b"".join([data for data, _ in asked]), [(1, answer) for _, answer in asked])

    async def _connect(self) -> None:
        try:
            if self._wire is not None:
                await self._connections.back(self._wire)
                self._wire = None
            self._wire = await self._connections.take()
        except Exception as error:  # noqa: BLE001 - it is raised where somebody waits
            waiting, self._waiting = self._waiting, []
            for _, answer in waiting:
                if not answer.done():
                    answer.set_exception(error)
        self._next()
