"""Conversations for someone who waits: a slow memory is an absent one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from chassis.rpc import remaining
from lm.generators.breaker import Breaker
from qa.domain.dialogue import Dialogue, Turn
from qa.domain.identity import Person
from qa.usecases.ports import Conversations, MemoryAway

T = TypeVar("T")
_SHARE = 0.3  # of the time that is left


class PatientDialogues:
    """Reads and adds within a short time, and not at all for a pause after three failures in a row."""

    def __init__(
        self,
        dialogues: Conversations,
        timeout: timedelta,
        breaker: Breaker,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dialogues, self._timeout = dialogues, timeout.total_seconds()
        self._breaker, self._clock = breaker, clock

    async def read(self, person: Person, dialogue_id: str) -> Dialogue:
        """See Conversations."""
        return await self._soon(self._dialogues.read, person, dialogue_id)

    async def add(self, person: Person, dialogue_id: str, turn: Turn) -> int:
        """See Conversations."""
        return await self._soon(self._dialogues.add, person, dialogue_id, turn)

    async def _soon(self, verb: Callable[..., Awaitable[T]], *given: object) -> T:
        if wait := self._breaker.enter(self._clock()):
            raise MemoryAway(f"it failed lately and is asked again in {wait:.1f} s")
        seconds = min(self._timeout, remaining() * _SHARE)
        try:
            async with asyncio.timeout(seconds):
                done = await verb(*given)
        except TimeoutError:
            self._breaker.failed(self._clock())
            raise MemoryAway(f"it did not answer within {seconds:.2f} s") from None
        except MemoryAway:
            self._breaker.failed(self._clock())
            raise
        except BaseException:
            self._breaker.gave_up()
            raise
        self._breaker.succeeded()
        return done
