"""Waiting for a log that is away or has no topics yet, and work that is done again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from aiokafka.errors import KafkaError

from chassis.kafka.identity import Lives
from chassis.telemetry import log

T = TypeVar("T")
_SAY = 10  # times of silence while topics are waited for
_PAUSE = 0.5  # seconds between two questions to a log that is away


async def regularly(pause: float, step: Callable[[], Awaitable[None]]) -> None:
    """Call `step` with a pause before each; one that fails is told, and called again."""
    while True:
        await asyncio.sleep(pause)
        try:
            await step()
        except Exception as error:  # noqa: BLE001 - it is tried again
            log.warning("regular work failed", step=step.__name__, exc_info=error)


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """What the log says, however long it is away."""
    while True:
        try:
            return await ask()
        except (KafkaError, OSError) as away:
            log.warning("waiting for the log", error=type(away).__name__)
            await asyncio.sleep(_PAUSE)


async def until_there(bootstrap: str, topics: Collection[str]) -> None:
    """Return when the log answers and has all of these topics: clients that start earlier fail or wait in silence."""
    lives, silence = Lives(bootstrap), 0
    try:
        while missing := set(topics) - set(await patiently(lambda: lives.of(topics))):
            if silence % _SAY == 0:
                log.warning("waiting for topics: make them", topics=sorted(missing))
            silence += 1
            await asyncio.sleep(_PAUSE)
    finally:
        await lives.close()
