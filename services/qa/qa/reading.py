"""How far this replica has read what the shop says, and who counts it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from faststream.kafka import KafkaBroker

from chassis.kafka import Consumer, Progress
from chassis.settings import ProcessSettings
from qa.domain.library import Library
from qa.usecases.ports import Fallback, NotReadYet

_PATIENCE = 2.0  # seconds that a slice of questions waits before it comes again
_LOOK = 1.0  # seconds after which the end of the log is asked for anew
_AGAIN = 0.05  # seconds between two looks while Kafka is away
_AT_ONCE = (
    64  # questions of a batch: with a generator of 3 seconds one is answered within those that a process is ready
)
_BEHIND = Fallback("knowledge", "what was read so far", "the log of knowledge has not been read to its end yet")


class Reading:
    """Whether this replica has read all that was said before it started. Once true, it stays true."""

    def __init__(self, memory: Consumer, library: Library) -> None:
        self._memory, self._library, self._done = memory, library, asyncio.Event()

    async def until_done(self) -> None:
        """Look until it is. Runs in the background."""
        while not (self._memory.alive() and await self._memory.caught_up(_LOOK)):  # noqa: ASYNC110 - Kafka tells no event
            await asyncio.sleep(_AGAIN)
        self._done.set()

    async def done(self) -> None:
        """Wait for it; raises NotReadYet."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._done.wait()
        except TimeoutError:
            raise NotReadYet(_BEHIND.reason) from None

    def missing(self) -> Sequence[Fallback]:
        """What a reply has to say of it."""
        behind = () if self._done.is_set() else (_BEHIND,)
        return (*behind, *left_out(self._library))


def left_out(library: Library) -> Sequence[Fallback]:
    """That more was said than this replica may hold, where it was."""
    if not library.left_out:
        return ()
    reason = (
        f"more than {library.most:,} entries were told: remove some or raise ATTUNE_QA_MOST_ENTRIES, and start again"
    )
    return (Fallback("knowledge", f"the first {library.most:,} entries", reason),)


class KeptConsumer(Consumer):
    """Reads for the index. What it has applied there is not yet in this replica's memory, which counts for itself."""

    def attach(self, broker: KafkaBroker, settings: ProcessSettings, **given: Any) -> None:
        """See Consumer."""
        super().attach(broker, settings, **given | {"progress": Progress()})


class AnsweringConsumer(Consumer):
    """Reads questions, of which each takes its time: what lags behind is taken in small pieces."""

    def attach(self, broker: KafkaBroker, settings: ProcessSettings, **given: Any) -> None:
        """See Consumer."""
        batch = min(settings.batch_records, _AT_ONCE)
        super().attach(broker, settings.model_copy(update={"batch_records": batch}), **given)
