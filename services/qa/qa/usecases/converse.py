"""Respond, recall, forget: an answer becomes a turn of a conversation."""

from __future__ import annotations

from collections.abc import Callable

from qa.domain.dialogue import Dialogue, Turn
from qa.domain.identity import Person
from qa.usecases.ask import Answered, Ask
from qa.usecases.ports import (
    FORGOTTEN,
    Conversations,
    Dialogues,
    Fallback,
    Forgotten,
    Listeners,
    MemoryAway,
    Question,
    Reply,
)


class Respond:
    """Answers within a conversation and keeps it, for a person; for nobody in particular it only answers."""

    def __init__(
        self,
        ask: Ask,
        dialogues: Conversations,
        listeners: Listeners | None,
        new_id: Callable[[], str],
        clock: Callable[[], float],
    ) -> None:
        """`clock`: seconds since 1970."""
        self._ask, self._dialogues, self._listeners = ask, dialogues, listeners
        self._new_id, self._clock = new_id, clock

    async def __call__(self, question: Question) -> Reply:
        """Raises EmptyQuestion. While conversations are away a question is answered alone, and the reply says so.

        The turn of the reply is 0 when the person asked, after the question, to be forgotten.
        """
        dialogue_id = question.dialogue_id or self._new_id()
        known, away = await self._known(question, dialogue_id)
        made = await self._ask(question, known)
        number = known.next_number
        if question.person is not None and not away:
            try:
                turn = turn_of(question, made, self._clock())
                number = await self._dialogues.add(question.person, dialogue_id, turn)
            except MemoryAway as why:
                away = (Fallback("dialogues", "an answer that is not kept", str(why)),)
        if question.person is not None and number != FORGOTTEN and self._listeners is not None:
            self._listeners.tell(question, dialogue_id, f"ask:{self._new_id()}")
        return Reply(made.answer, dialogue_id, number, made.understood, made.by, (*away, *made.fallbacks))

    async def _known(self, question: Question, dialogue_id: str) -> tuple[Dialogue, tuple[Fallback, ...]]:
        if question.person is None or not question.dialogue_id:
            return Dialogue(dialogue_id), ()
        try:
            return await self._dialogues.read(question.person, dialogue_id), ()
        except MemoryAway as why:
            return Dialogue(dialogue_id), (Fallback("dialogues", "the question alone", str(why)),)


class Recall:
    """A conversation so far."""

    def __init__(self, dialogues: Conversations) -> None:
        self._dialogues = dialogues

    async def __call__(self, person: Person, dialogue_id: str) -> Dialogue:
        """Empty when there is none; an empty id means the person's last one."""
        return await self._dialogues.read(person, dialogue_id)


class Forget:
    """Removes a person."""

    def __init__(self, dialogues: Dialogues) -> None:
        self._dialogues = dialogues

    async def __call__(self, person: Person, at: float) -> Forgotten:
        """How much was removed. Safe to repeat, also after the person has begun anew."""
        return await self._dialogues.forget(person, at)


def turn_of(question: Question, made: Answered, at: float) -> Turn:
    """A turn that the store has not numbered yet."""
    return Turn(0, question.at, question.text, made.understood, made.answer, question.event_id, at)
