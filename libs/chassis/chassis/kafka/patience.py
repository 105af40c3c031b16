"""Waiting for a log that is away, and work that is done again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiokafka.errors import KafkaError

from chassis.telemetry import log

T = TypeVar("T")
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
