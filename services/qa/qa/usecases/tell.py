"""Tell: a question that came as an event gets one answer in the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from qa.usecases.ask import Ask
from qa.usecases.converse import turn_of
from qa.usecases.ports import FORGOTTEN, REPEATED, Answers, Dialogues, Noted, Question, Told


class Tell:
    """Answer → keep the turn and owe its answer, in one step → publish → settle.

    Invariants: what is published was kept before, so that a crash at any step repeats the same words under the same
    id; an answer that another life of this process, or another replica, has kept is looked for in the log before it
    is published again; an answer that is settled is never published again.
    """

    def __init__(self, ask: Ask, dialogues: Dialogues, answers: Answers, clock: Callable[[], float]) -> None:
        """`clock`: seconds since 1970."""
        self._ask, self._dialogues, self._answers, self._clock = ask, dialogues, answers, clock

    async def __call__(self, question: Question) -> None:
        """Raises EmptyQuestion and MemoryAway: the event comes again. Someone forgotten meanwhile is told nothing."""
        assert question.person is not None  # noqa: S101 - events name a person, their contract says so
        noted = await self._dialogues.noted(question.person, question.event_id)
        if noted.seen:
            await self._settle(noted)
            return
        known = await self._dialogues.read(question.person, question.dialogue_id)
        turn = turn_of(question, await self._ask(question, known), self._clock())
        number = await self._dialogues.add(question.person, question.dialogue_id, turn)
        if number == FORGOTTEN:
            return
        if number == REPEATED:
            await self._settle(await self._dialogues.noted(question.person, question.event_id))
            return
        told = Told(question.person, question.dialogue_id, replace(turn, number=number))
        await self._answers.write(told)
        await self._dialogues.settle(told.person, told.turn.event_id)

    async def _settle(self, noted: Noted) -> None:
        """Publish what is owed, unless whoever kept it came as far as that."""
        if noted.owed is None:
            return
        if not await self._answers.holds(noted.owed):
            await self._answers.write(noted.owed)
        await self._dialogues.settle(noted.owed.person, noted.owed.turn.event_id)
