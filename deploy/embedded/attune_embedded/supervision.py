"""Waiting until a child is ready, and starting it again when it ends."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from attune_embedded import logs
from attune_embedded.child import StartError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable
    from pathlib import Path

T = TypeVar("T")

_FIRST_PAUSE = timedelta(milliseconds=200)  # one crash is repaired at once
_LONGEST_PAUSE = timedelta(seconds=30)  # a process that cannot run does not eat the machine
STEADY = timedelta(minutes=1)  # who ran this long begins with the first pause again


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person at the terminal may want to know."""

    process: str  # "broker", "redis", the name of a service, or "platform"
    event: Literal["swept", "starting", "ready", "ended", "failed"]
    detail: str = ""


class Supervised(Protocol):
    """A process of ours that may be started again."""

    deliberate: bool  # whether its end is our will

    @property
    def name(self) -> str: ...
    @property
    def log(self) -> Path: ...
    async def exited(self) -> int:
        """Wait for the end: the exit code, or minus the signal that ended it."""
        ...

    async def kill(self) -> None: ...


def pause(deaths: int) -> timedelta:
    """Before a start again, after so many deaths in a row (at least 1)."""
    doublings = min(deaths - 1, 16)
    return min(_FIRST_PAUSE * (1 << doublings), _LONGEST_PAUSE)


def cause(code: int) -> str:
    """An exit code in words."""
    return f"ended with code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"


async def until(child: Supervised, ready: Coroutine[None, None, T], within: timedelta) -> T:
    """The result of `ready`.

    Raises:
        StartError: the child ended first, or was not ready in time and was killed.
    """
    end, success = asyncio.create_task(child.exited()), asyncio.create_task(ready)
    try:
        await asyncio.wait({end, success}, timeout=within.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
        if success.done():
            return success.result()
        if end.done():
            raise StartError(f"{child.name} {cause(end.result())} before it was ready{_last_words(child)}")
        await child.kill()
        limit = f"{within.total_seconds():g} s"
        raise StartError(f"{child.name} was not ready within {limit}{_last_words(child)}")
    finally:
        for task in (end, success):
            task.cancel()
        await asyncio.gather(end, success, return_exceptions=True)


async def keep(
    child: Supervised,
    revive: Callable[[], Awaitable[None]],
    report: Callable[[Notice], None],
    *,
    steady: timedelta = STEADY,
) -> None:
    """For ever start a child again when it ends: at once when that was our will, else after a growing pause.

    The pause grows with each death and each start that failed, until the child ran for `steady` after it was ready.
    """
    deaths = 0
    while True:
        began = time.monotonic()
        code = await child.exited()
        if not child.deliberate:
            deaths = 1 if time.monotonic() - began > steady.total_seconds() else deaths + 1
            rest = pause(deaths).total_seconds()
            report(Notice(child.name, "ended", f"{cause(code)}; starts again in {rest:g} s"))
            await asyncio.sleep(rest)
        child.deliberate = False
        try:
            await revive()
        except (StartError, OSError) as error:
            report(Notice(child.name, "failed", str(error)))


async def together(jobs: Iterable[Coroutine[None, None, None]]) -> None:
    """All of them at once; the first that fails cancels the others and is raised itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(job)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


def _last_words(child: Supervised) -> str:
    tail = logs.tail(child.log)
    return f"; the end of {child.log}:\n{tail}" if tail else f"; {child.log} is empty"
