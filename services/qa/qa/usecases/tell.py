"""Tell: a question that came as an event gets one answer in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from qa.usecases.ask import Ask
from qa.usecases.converse import turn_of
from qa.usecases.ports import FORGOTTEN, REPEATED, Answers, Dialogues, MemoryAway, Question, Told

_HOLD = 1.0  # seconds between two renewals of a claim
_LOOK = 0.05  # seconds between two looks at an answer that another one is publishing


class Tell:
    """Answer → keep the turn and owe its answer, in one step → publish → settle.

    Invariants: what is published was kept before, so that a crash at any step repeats the same words under the same
    id; only who has the claim publishes, and keeps the claim until Kafka has told how it went, even when the
    partition is taken away meanwhile; an answer that another life of this process, or another replica, has kept is
    looked for in the log before it is published again; a settled one is never published again.
    """

    def __init__(self, ask: Ask, dialogues: Dialogues, answers: Answers, clock: Callable[[], float]) -> None:
        """`clock`: seconds since 1970."""
        self._ask, self._dialogues, self._answers, self._clock = ask, dialogues, answers, clock
        self._publishing: set[asyncio.Task[None]] = set()

    async def __call__(self, question: Question) -> None:
        """Raises EmptyQuestion and MemoryAway: the event comes again. Someone forgotten meanwhile is told nothing."""
        assert question.person is not None  # noqa: S101 - events name a person, their contract says so
        noted = await self._dialogues.noted(question.person, question.event_id)
        told = None if noted.seen else await self._keep(question)
        if told is not None:
            await self._surely(told, again=False)
            return
        await self._settle(question)

    async def _settle(self, question: Question) -> None:
        """Publish what is owed, unless whoever kept it comes, or came, as far as that."""
        assert question.person is not None  # noqa: S101 - see above
        while (owed := (await self._dialogues.noted(question.person, question.event_id)).owed) is not None:
            if await self._dialogues.claim(question.person, question.event_id):
                await self._surely(owed, again=True)
                return
            await asyncio.sleep(_LOOK)

    async def _keep(self, question: Question) -> Told | None:
        """The answer that is owed now, by us; None: by another one, or nobody wants it any more."""
        assert question.person is not None  # noqa: S101 - see above
        known = await self._dialogues.read(question.person, question.dialogue_id)
        turn = turn_of(question, await self._ask(question, known), self._clock())
        number = await self._dialogues.add(question.person, question.dialogue_id, turn)
        if number in {FORGOTTEN, REPEATED}:
            return None
        return Told(question.person, question.dialogue_id, replace(turn, number=number))

    async def _surely(self, told: Told, *, again: bool) -> None:
        """Publish; a caller who goes does not stop what is on its way to Kafka."""
        publishing = asyncio.create_task(self._publish(told, again=again))
        self._publishing.add(publishing)
        publishing.add_done_callback(self._finished)
        await asyncio.shield(publishing)

    def _finished(self, publishing: asyncio.Task[None]) -> None:
        self._publishing.discard(publishing)
        if not publishing.cancelled():
            publishing.exception()  # looked at: when its caller has gone, the event comes again at its next owner

    async def _publish(self, told: Told, *, again: bool) -> None:
        holding = asyncio.create_task(self._hold(told))
        try:
            if not again or not await self._answers.holds(told):
                await self._answers.write(told)
        finally:
            holding.cancel()
        await self._dialogues.settle(told.person, told.turn.event_id)

    async def _hold(self, told: Told) -> None:
        while True:
            await asyncio.sleep(_HOLD)
            with suppress(MemoryAway):  # it ends by itself, and someone looks in the log
                await self._dialogues.hold(told.person, told.turn.event_id)
