"""Streams on which requests come one after the other, while nothing is asked on them."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc


class Resting:
    """Lets a server leave: a stream where nothing is asked ends at once, any other after its next answer.

    Without it, each would be waited for as long as the server's grace allows.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._leaving = False

    async def next(self, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        """What is asked next on the stream of the current task; None: its caller left, or we do."""
        task = asyncio.current_task()
        if self._leaving or task is None:
            return None
        self._tasks.add(task)
        try:
            request = await context.read()
        except asyncio.CancelledError:
            if not self._leaving:
                raise
            task.uncancel()
            return None
        finally:
            self._tasks.discard(task)
        return None if request is grpc.aio.EOF else request

    def leave(self) -> None:
        """Nothing more is to be asked."""
        self._leaving = True
        for task in self._tasks:
            task.cancel()
