"""What the verbs say to each other and to the world around them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from lm.protocols import Matrix, Vector
from qa.domain.answer import Answer, Outcome
from qa.domain.dialogue import Dialogue, Turn
from qa.domain.identity import Person
from qa.domain.knowledge import Entry, LogPosition
from qa.domain.products import Product

Known = TypeVar("Known", Entry, Product)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one partition of the log: everything before `next_offset` that was not applied yet."""

    log: str  # which life of the log
    topic: str
    partition: int
    next_offset: int


@dataclass(frozen=True, slots=True)
class Said(Generic[Known]):
    """What a record says of one id."""

    position: LogPosition
    said_id: str
    value: Known | None  # None: gone, in every shop: a tombstone names none


@dataclass(frozen=True, slots=True)
class Gone:
    """An id that was said to be gone in every shop."""

    said_id: str
    position: LogPosition
    tenants: frozenset[str] = frozenset()  # where it was said in the same breath, and was never written


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """What is to be written together with the span's offset."""

    entries: Sequence[tuple[Entry, Matrix]] = ()  # each with the vectors of its texts
    products: Sequence[Product] = ()
    gone: Sequence[Gone] = ()
    gone_products: Sequence[Gone] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """All that a knowledge index remembers."""

    entries: Sequence[tuple[Entry, Matrix | None]]  # vectors of another space are None
    products: Sequence[Product]
    applied: Mapping[tuple[str, int], tuple[str, int]]  # topic, partition → life of the log, next offset


class KnowledgeIndex(Protocol):
    """Remembers knowledge beyond the life of the process, for all replicas."""

    async def write(self, changes: Changes, span: Span) -> None:
        """Write these, then the offset. A repeat changes nothing.

        Nothing is written over what stood later in the same life of the log: a writer that was held up, and whose
        partition another one has taken over, does no harm.
        """

    async def read(self) -> Held: ...

    async def applied(self, log: str, topic: str, partition: int) -> int | None:
        """The next offset of a partition in this life of the log; None: nothing of it was applied."""


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to a question that came as an event: kept before it is published, and published as it was kept."""

    person: Person
    dialogue_id: str
    turn: Turn


@dataclass(frozen=True, slots=True)
class Noted:
    """What is remembered of an event that asked."""

    seen: bool  # it has made its turn
    owed: Told | None = None  # its answer, while nobody has said that it was published


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much was removed of a person."""

    dialogues: int
    owed: int  # answers that were not published yet
    events: int  # ids of events that had asked


FORGOTTEN, REPEATED = 0, -1  # in place of the number of a turn


class Conversations(Protocol):
    """Remembers conversations. Raises MemoryAway."""

    async def read(self, person: Person, dialogue_id: str) -> Dialogue:
        """The conversation, or an empty one; an empty id means the person's last one."""

    async def add(self, person: Person, dialogue_id: str, turn: Turn) -> int:
        """Append a turn; its number. If an event asked, its answer is owed from here on, in the same step.

        FORGOTTEN when the person asked, later than the turn, to be forgotten; REPEATED when the event has made its
        turn before. Nothing is written then.
        """


class Dialogues(Conversations, Protocol):
    """Remembers also which events asked, and who is to be forgotten. Raises MemoryAway."""

    async def noted(self, person: Person, event_id: str) -> Noted: ...

    async def claim(self, person: Person, event_id: str) -> bool:
        """Be the one who publishes the answer to this event, for some seconds; False: another one is at it.

        Whoever adds the turn has the claim.
        """

    async def hold(self, person: Person, event_id: str) -> None:
        """Keep the claim for some more seconds. To be called each second."""

    async def settle(self, person: Person, event_id: str) -> None:
        """The answer to this event is published; its claim ends."""

    async def forget(self, person: Person, at: float) -> Forgotten:
        """Remove what was asked up to `at`. Questions asked up to then do not bring it back."""

    def owing(self) -> AsyncIterator[Told]:
        """Every answer that is owed, of every person."""


@dataclass(frozen=True, slots=True)
class Published:
    """What the log of answers says of an answer."""

    at: float  # seconds since 1970
    text: str
    language: str
    outcome: Outcome
    probability: float
    entry_ids: frozenset[str]


class Answers(Protocol):
    """The log of answers."""

    async def write(self, told: Told) -> None:
        """Publish; returns when it is acknowledged. The same answer is the same record, id and bytes."""

    async def holds(self, told: Told) -> bool:
        """Whether it is in the log already, as far back as it can be."""

    async def since(self, at: float) -> Mapping[tuple[Person, str], Published]:
        """What is in the log from `at` on, by person and event that asked, as far back as it can be."""


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What is known of the person who asks."""

    need: Vector | None = None  # r_u, unit, (dim,)
    space: str = ""  # of `need`
    products: tuple[str, ...] = ()  # lately dealt with, newest first


class Away(Exception):
    """Another service did not answer; the message says why."""


class NotReadYet(ConnectionError):
    """This replica has not read yet what the shop has said: it would hand over what others can answer."""


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
    product_id: str = ""  # it is about; empty: none

    @property
    def person(self) -> Person | None:
        """Who asks."""
        return Person(self.tenant, self.user) if self.user else None


class Listeners(Protocol):
    """Whoever wants to hear of questions that came by call, such as needs."""

    def tell(self, question: Question, dialogue_id: str, event_id: str) -> None:
        """Returns at once, whatever becomes of it. `event_id` is of this question alone."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer and how it came about."""

    answer: Answer
    dialogue_id: str
    turn: int
    understood: str
    by: tuple[str, ...]
    fallbacks: tuple[Fallback, ...] = field(default=())
