"""Tell: a question that came as an event gets one answer in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from qa.domain.answer import Answer
from qa.domain.identity import Person
from qa.usecases.ask import Ask
from qa.usecases.converse import turn_of
from qa.usecases.ports import FORGOTTEN, REPEATED, Answers, Dialogues, MemoryAway, Published, Question, Told

_HOLD = 1.0  # seconds between two renewals of a claim
_CLOCKS = 60.0  # seconds that the clocks of a shop and of this process may be apart
_LOOK = 0.05  # seconds between two looks at an answer that another one is publishing


class Tell:
    """Answer → keep the turn and owe its answer, in one step → publish → settle.

    Invariants: what is published was kept before, so that a crash at any step repeats the same words under the same
    id; only who has the claim publishes, and keeps the claim until Kafka has told how it went, even when the
    partition is taken away meanwhile; an answer that another life of this process, or another replica, has kept is
    looked for in the log before it is published again; a settled one is never published again. Where it was published
    and nobody remembers it, because Redis lost its last writes, it is kept again as it was published.
    """

    def __init__(self, ask: Ask, dialogues: Dialogues, answers: Answers, clock: Callable[[], float]) -> None:
        """`clock`: seconds since 1970."""
        self._ask, self._dialogues, self._answers, self._clock = ask, dialogues, answers, clock
        self._publishing: set[asyncio.Task[None]] = set()
        self._published: dict[tuple[Person, str], Published] = {}  # before `_looked_at`
        self._looked_at = 0.0

    async def __call__(self, question: Question) -> None:
        """Raises EmptyQuestion and MemoryAway: the event comes again. Someone forgotten meanwhile is told nothing."""
        assert question.person is not None  # noqa: S101 - events name a person, their contract says so
        noted = await self._dialogues.noted(question.person, question.event_id)
        told = None if noted.seen else await self._keep(question.person, question)
        if told is not None:
            await self._surely(told, again=False)
            return
        await self._settle(question.person, question.event_id)

    async def look_back(self, since: float) -> None:
        """Look up what was published from then on: questions from then on may come again though nobody remembers them.

        `since`: seconds since 1970.
        """
        now = self._clock()
        found = await self._answers.since(since)
        self._published |= found
        self._looked_at = max(self._looked_at, now)

    async def leftovers(self) -> None:
        """Publish what is owed by processes that died, also where the log did not keep the question for so long.

        To be called once, when this process begins.
        """
        async for told in self._dialogues.owing():
            await self._settle(told.person, told.turn.event_id)

    async def _settle(self, person: Person, event_id: str) -> None:
        """Publish what is owed, unless whoever kept it comes, or came, as far as that."""
        while (owed := (await self._dialogues.noted(person, event_id)).owed) is not None:
            if await self._dialogues.claim(person, event_id):
                await self._surely(owed, again=True)
                return
            await asyncio.sleep(_LOOK)

    async def _keep(self, person: Person, question: Question) -> Told | None:
        """The answer that is owed now, by us; None: by another one, or by nobody any more."""
        before = self._published_before(person, question)
        known = await self._dialogues.read(person, question.dialogue_id)
        turn = turn_of(question, await self._ask(question, known), self._clock())
        if before is not None:
            turn = replace(turn, answer=_as_published(turn.answer, before), answered_at=before.at)
        number = await self._dialogues.add(person, question.dialogue_id, turn)
        if number in {FORGOTTEN, REPEATED}:
            return None
        if before is not None:
            await self._dialogues.settle(person, question.event_id)
            return None
        return Told(person, question.dialogue_id, replace(turn, number=number))

    def _published_before(self, person: Person, question: Question) -> Published | None:
        if question.at > self._looked_at + _CLOCKS:
            self._published.clear()  # none of them is asked any more
        return self._published.get((person, question.event_id))

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


def _as_published(made: Answer, before: Published) -> Answer:
    """What was published, with the sources of a new answer that it had already."""
    return replace(
        made,
        text=before.text,
        language=before.language,
        outcome=before.outcome,
        probability=before.probability,
        citations=tuple(each for each in made.citations if each.entry_id in before.entry_ids),
    )
