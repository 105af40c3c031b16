"""What the verbs say to each other and to the stores."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from needs.domain.identity import Person
from needs.domain.links import Links
from needs.domain.products import Product
from needs.domain.shop_record import ShopRecord
from needs.domain.spectrum import ReadText
from needs.domain.state import Rows
from needs.domain.words import Words


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one partition of the log: everything before `next_offset` that was not applied yet."""

    log: str  # which life of the log
    topic: str
    partition: int
    next_offset: int
    begins: int = 0  # everything before it was written by this process, or was there when it began


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a change must see of the people it concerns."""

    people: Sequence[Person]
    rows: bool = False
    words_of: Sequence[Person] = ()
    links_of: Sequence[Person] = ()
    shops: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """What the store holds, as of one moment."""

    applied: int  # offsets below it are in the store
    rows: Rows  # (people,), writable; an unknown person's is empty; (0,) when rows were not wanted
    words: Mapping[Person, Words]
    forgotten: Mapping[Person, int]  # when it was asked, milliseconds since 1970; only people it was asked for
    links: Mapping[Person, Links] = field(default_factory=dict)
    shops: Collection[str] = ()  # tenants with a shop record in this partition; empty when they were not wanted


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """What is to be written, all of it or nothing."""

    rows: tuple[Sequence[Person], Rows] | None = None
    words: Mapping[Person, Words] = field(default_factory=dict)
    records: Mapping[Person, ShopRecord | None] = field(default_factory=dict)  # None: gone
    links: Mapping[Person, Links] = field(default_factory=dict)
    forget: Mapping[Person, int] = field(default_factory=dict)  # all of a person, asked for then

    @property
    def people(self) -> set[Person]:
        """Whom it concerns."""
        return {*(self.rows[0] if self.rows else ()), *self.words, *self.records, *self.links, *self.forget}


class Memory(NamedTuple):
    """All that is remembered of one person."""

    row: Rows  # (), empty for someone unknown
    words: Words
    record: ShopRecord | None
    links: Links = Links()


class MemoryAway(ConnectionError):
    """What is remembered cannot be reached now; the same call will succeed later."""

    field = "redis"
    remedy = "try again; if it stays, look whether the server of ATTUNE_REDIS_URL runs and has memory left"

    def __init__(self, reason: str) -> None:
        self.value = reason
        super().__init__(f"the memory of needs is away: {reason}")


class NeedStore(Protocol):
    """Remembers people, one slot per partition."""

    async def update(self, span: Span, wanted: Wanted, decide: Callable[[Page], Changes]) -> set[Person]:
        """Write what `decide` says together with the span's offset, unless the span is applied already.

        `decide` may be asked again when someone else wrote in between. Returns whom the write concerned. Raises Rewound
        when less is applied than `span.begins`: the store came back without its last writes.
        """

    async def read(self, partition: int, person: Person) -> Memory: ...

    async def links(self, partition: int, person: Person) -> Links: ...

    async def stamp(self, partition: int, person: Person) -> tuple[bytes, Links]:
        """Something that differs after every change of what is remembered under this id, and the other ids."""

    async def forget(self, partition: int, person: Person, at: int, links: Links) -> Mapping[str, int] | None:
        """Remove all; how many records of each collection there were. What happened up to `at` will not return.

        None, and nothing is removed, where the person has other links by now.
        """


class LogAway(ConnectionError):
    """What must be told to the other services cannot be written now; the same call will succeed later."""

    field = "kafka"
    remedy = "try again; if it stays, look whether the brokers of ATTUNE_KAFKA run"

    def __init__(self, reason: str) -> None:
        self.value = reason
        super().__init__(f"the log is away: {reason}")


class Wishes(Protocol):
    """Tells all services, this one included, whom to forget."""

    async def spread(self, people: Sequence[Person], at: int) -> None:
        """Wait until the log has it. A repeat is the same event. Raises LogAway."""


class Texts(Protocol):
    """Reads texts with the language models."""

    async def read(self, texts: Sequence[str]) -> list[ReadText]: ...


class Products(Protocol):
    """Keeps products beyond the life of the process."""

    async def save(self, products: Sequence[Product]) -> None: ...


Changed = Callable[[Collection[Person]], None]  # tells watchers
