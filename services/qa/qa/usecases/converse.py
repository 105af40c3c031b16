"""Respond, recall, forget: an answer becomes a turn of a conversation."""

from __future__ import annotations

from collections.abc import Callable

from qa.domain.dialogue import Dialogue, Turn
from qa.domain.identity import Person
from qa.usecases.ask import Ask
from qa.usecases.ports import Dialogues, Fallback, MemoryAway, Question, Reply


class Respond:
    """Answers within a conversation and keeps it, for a person; for nobody in particular it only answers."""

    def __init__(self, ask: Ask, dialogues: Dialogues, new_id: Callable[[], str]) -> None:
        self._ask, self._dialogues, self._new_id = ask, dialogues, new_id

    async def __call__(self, question: Question) -> Reply:
        """Raises EmptyQuestion. While conversations are away a question is answered alone, and the reply says so."""
        try:
            return await self._within(question)
        except MemoryAway as why:
            made = await self._ask(question, Dialogue(question.dialogue_id))
            away = Fallback("dialogues", "the question alone", str(why))
            fallbacks = (away, *made.fallbacks)
            return Reply(made.answer, question.dialogue_id or self._new_id(), 1, made.understood, made.by, fallbacks)

    async def once(self, question: Question) -> Reply | None:
        """The reply to a question that came as an event.

        None when its answer was published before, and when the person asked meanwhile to be forgotten. Raises
        EmptyQuestion and MemoryAway: the event comes again.
        """
        if await self._dialogues.answered(_person(question), question.event_id):
            return None
        reply = await self._within(question)
        return reply if reply.turn else None

    async def _within(self, question: Question) -> Reply:
        """The reply; its turn is 0 when the person asked, after the question, to be forgotten."""
        dialogue_id = question.dialogue_id or self._new_id()
        if question.person is None:
            made = await self._ask(question, Dialogue(dialogue_id))
            return Reply(made.answer, dialogue_id, 1, made.understood, made.by, made.fallbacks)
        known = Dialogue(dialogue_id)
        if question.dialogue_id:
            known = await self._dialogues.read(question.person, dialogue_id)
        made = await self._ask(question, known.before(question.event_id))
        turn = Turn(
            known.next_number, question.at, question.text, made.understood, made.answer, event_id=question.event_id
        )
        number = await self._dialogues.add(question.person, dialogue_id, turn)
        return Reply(made.answer, dialogue_id, number, made.understood, made.by, made.fallbacks)

    async def published(self, question: Question) -> None:
        """The answer to this event is in the log: a repeat of the event changes nothing from here on."""
        await self._dialogues.publish(_person(question), question.event_id)


class Recall:
    """A conversation so far."""

    def __init__(self, dialogues: Dialogues) -> None:
        self._dialogues = dialogues

    async def __call__(self, person: Person, dialogue_id: str) -> Dialogue:
        """Empty when there is none; an empty id means the person's last one."""
        return await self._dialogues.read(person, dialogue_id)


class Forget:
    """Removes a person."""

    def __init__(self, dialogues: Dialogues) -> None:
        self._dialogues = dialogues

    async def __call__(self, person: Person, at: float) -> int:
        """How many conversations were removed. Safe to repeat."""
        return await self._dialogues.forget(person, at)


def _person(question: Question) -> Person:
    assert question.person is not None  # noqa: S101 - events name a person, their contract says so
    return question.person
