"""Commands of one moment in one round trip."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError

Word = str | bytes | memoryview | int | float


class Together:
    """Sends what is asked for in one turn of the event loop as one pipeline, so that the parts of a request, and
    requests side by side, wait once and cost one system call.

    Invariants: commands are sent in the order in which they were asked for; each of them gets its own answer or its own
    error; who stops waiting takes no answer from anyone else.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._asked: list[tuple[tuple[Word, ...], asyncio.Future[Any]]] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def ask(self, *command: Word) -> Any:
        """The answer to a command, as the client's own method would give it."""
        loop = asyncio.get_running_loop()
        if not self._asked:
            loop.call_soon(self._send)
        answer: asyncio.Future[Any] = loop.create_future()
        self._asked.append((command, answer))
        return await answer

    async def run(self, script: AsyncScript, keys: Sequence[str], arguments: Sequence[Word]) -> Any:
        """What a script returns; it is sent in full only to a Redis that does not know it."""
        try:
            return await self.ask("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except NoScriptError:
            return await self.ask("EVAL", script.script, len(keys), *keys, *arguments)

    def _send(self) -> None:
        asked, self._asked = self._asked, []
        task = asyncio.create_task(self._exchange(asked))
        self._sending.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._sending.discard)

    async def _exchange(self, asked: Sequence[tuple[tuple[Word, ...], asyncio.Future[Any]]]) -> None:
        answers: Sequence[Any]
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for command, _ in asked:
                    pipe.execute_command(*command)
                answers = await pipe.execute(raise_on_error=False)
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            answers = [error] * len(asked)
        for (_, future), answer in zip(asked, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
