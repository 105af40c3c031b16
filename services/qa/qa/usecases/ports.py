"""What the verbs say to each other and to the world around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lm.protocols import Matrix, Vector
from qa.domain.answer import Answer
from qa.domain.dialogue import Dialogue, Turn
from qa.domain.identity import Person
from qa.domain.knowledge import Entry
from qa.domain.products import Product


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one partition of the log: everything before `next_offset` that was not applied yet."""

    log: str  # which life of the log
    topic: str
    partition: int
    next_offset: int


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """What is to be written together with the span's offset."""

    entries: Sequence[tuple[Entry, Matrix]] = ()  # each with the vectors of its texts
    products: Sequence[Product] = ()
    gone: Sequence[Entry] = ()
    gone_products: Sequence[Product] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """All that a knowledge index remembers."""

    entries: Sequence[tuple[Entry, Matrix | None]]  # vectors of another space are None
    products: Sequence[Product]
    applied: Mapping[tuple[str, int], tuple[str, int]]  # topic, partition → life of the log, next offset


class KnowledgeIndex(Protocol):
    """Remembers knowledge beyond the life of the process."""

    async def write(self, changes: Changes, span: Span) -> None:
        """Write these, then the offset. A repeat changes nothing."""

    async def read(self) -> Held: ...


class Dialogues(Protocol):
    """Remembers conversations."""

    async def read(self, person: Person, dialogue_id: str) -> Dialogue:
        """The conversation, or an empty one; an empty id means the person's last one."""

    async def add(self, person: Person, dialogue_id: str, turn: Turn) -> int:
        """Append a turn; its number. 0 when the person asked, later than the turn, to be forgotten.

        A turn of an event that is already there is not appended again.
        """

    async def answered(self, person: Person, event_id: str) -> bool:
        """Whether the answer to this event was published."""

    async def publish(self, person: Person, event_id: str) -> None:
        """Note that the answer to this event was published."""

    async def forget(self, person: Person, at: float) -> int:
        """Remove all conversations; how many there were. Questions asked up to `at` do not bring them back."""


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What is known of the person who asks."""

    need: Vector | None = None  # r_u, unit, (dim,)
    space: str = ""  # of `need`
    products: tuple[str, ...] = ()  # lately dealt with, newest first


class Away(Exception):
    """Another service did not answer; the message says why."""


class MemoryAway(ConnectionError):
    """Conversations cannot be reached now; the message says why."""


class Needs(Protocol):
    """The needs service. Raises Away."""

    async def context(self, person: Person) -> Context: ...


class Offers(Protocol):
    """The recommender service. Raises Away."""

    async def search(self, tenant: str, user: str, text: str, k: int) -> list[str]:
        """Ids of products for words, best first."""


class EmptyQuestion(Exception):
    """Nothing is asked."""

    field, value, remedy = "text", "", "write the question in words"

    def __init__(self) -> None:
        super().__init__(f"the question is empty; {self.remedy}")


class UnreadableMedia(Exception):
    """Speech or a picture, and no encoder that reads it."""

    def __init__(self, field: str, mime_type: str, encoder: str) -> None:
        self.field, self.value = field, mime_type
        self.remedy = "send the question as text, or configure an encoder that reads it"
        super().__init__(f"the encoder {encoder} reads no {field}; {self.remedy}")


@dataclass(frozen=True, slots=True)
class Fallback:
    """A part of the work that was done by something less."""

    component: str
    used: str
    reason: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, by whom."""

    tenant: str
    text: str
    at: float  # seconds since 1970
    user: str = ""  # empty: nobody in particular, and no conversation is kept
    dialogue_id: str = ""  # empty: a new conversation
    language: str = ""  # to answer in; empty: that of the question
    event_id: str = ""  # of the event that asks

    @property
    def person(self) -> Person | None:
        """Who asks."""
        return Person(self.tenant, self.user) if self.user else None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer and how it came about."""

    answer: Answer
    dialogue_id: str
    turn: int
    understood: str
    by: tuple[str, ...]
    fallbacks: tuple[Fallback, ...] = field(default=())
