"""What is remembered of products and people, as a port, and what its writers tell each other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from recommender.domain.history import History, Meeting
from recommender.domain.product import Key, Position

Follow = Callable[[], Awaitable[None]]  # brings the world up to the end of the journal
Shares = Mapping[tuple[str, int], float]  # (tenant, place) → to be added to its trend


class Person(NamedTuple):
    """A customer of one shop."""

    tenant: str
    user: str


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one partition of the log: what stands before `next_offset` and was not applied yet."""

    log: str  # which life of the log
    topic: str
    partition: int
    next_offset: int
    begins: int = 0  # the store held what stands before it when the piece was taken


class Made(NamedTuple):
    """What the models made of a product, so that a start need not make it again."""

    space: str
    vector: bytes  # of `recommender.domain.vectors.packed`
    words: bytes  # of `recommender.domain.words.packed`


@dataclass(frozen=True, slots=True)
class StoredProduct:
    """A product id with its place; `record` is None while the product is not known or gone."""

    key: Key
    place: int
    position: Position | None
    record: bytes | None
    vector: bytes = b""  # float32; on its way to other replicas, or where `made` is
    made: Made | None = None  # kept by stores that no shared index stands beside


@dataclass(frozen=True, slots=True)
class Page:
    """What is remembered of some people, as of one moment; theirs to change."""

    applied: int  # offsets below it are in the store
    histories: Mapping[Person, History]  # someone unknown has an empty one
    forgotten: Mapping[Person, int]  # when it was asked for, milliseconds since 1970; only people it was asked for
    wishes: int = 0  # to be forgotten, so far and of anybody


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a piece of the log adds, all of it or nothing."""

    products: Sequence[StoredProduct] = ()
    histories: Mapping[Person, History] = field(default_factory=dict)
    met: Mapping[str, Sequence[Meeting]] = field(default_factory=dict)  # tenant → what that changes in its graph
    trend: Shares = field(default_factory=dict)
    linked: Mapping[str, Collection[int]] = field(default_factory=dict)  # tenant → places whose links changed
    forget: Mapping[Person, int] = field(default_factory=dict)


class Written(NamedTuple):
    """A write that happened."""

    number: int  # of the change in the journal; 0: none is kept
    removed: Mapping[Person, History]  # of those who wanted to be forgotten and were known


@dataclass(frozen=True, slots=True)
class Change:
    """What a write changes in the world of every replica."""

    number: int
    places: Mapping[Key, int] = field(default_factory=dict)
    products: Sequence[StoredProduct] = ()
    met: Mapping[str, Sequence[Meeting]] = field(default_factory=dict)
    trend: Shares = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Everything:
    """All that a world is made from, as of one moment."""

    number: int  # of the last change in it
    places: Iterable[tuple[Key, int]]
    products: Iterable[StoredProduct]  # by tenant and place; whatever is iterated here may be read on the way, once
    trends: Iterable[tuple[str, int, float]]  # tenant, place, count
    histories: Iterable[tuple[Person, History]]


class Fenced(Exception):
    """Another replica wrote since the page was read: nothing was written; read again."""


class Behind(Exception):
    """The journal no longer holds what comes after a number, or never did: everything must be read again."""


class RelationsAway(ConnectionError):
    """The store did not answer, or not in time; the message says why. It passes by itself."""


class Relations(Protocol):
    """Remembers products' places and records, people's histories and trends, together with the offsets applied.

    Where several replicas share it (`shared`), writes happen one after the other, each with a number, and a journal
    tells the others what to change in their worlds.
    """

    @property
    def shared(self) -> bool:
        """Whether other processes may write too."""

    async def life(self) -> str:
        """The life of the log whose products were last published; empty: none yet."""

    async def begin_life(self, log: str) -> None: ...

    async def next_offset(self, log: str, topic: str, partition: int) -> int:
        """Where to go on; 0 where nothing of that life was applied."""

    async def everything(self) -> Everything:
        """Of one moment, though others write."""

    async def places(self, keys: Sequence[Key]) -> Mapping[Key, int]:
        """Where each product id stands, for all replicas and for ever; new ones get the next places of their shop."""

    async def history(self, person: Person) -> History:
        """Someone unknown has an empty one. Raises RelationsAway: the reader has something better to do than wait."""

    async def read(self, span: Span, people: Sequence[Person]) -> Page:
        """What a writer needs."""

    async def write(self, span: Span | None, learnt: Learnt, base: Page | None = None) -> Written:
        """One transaction, with the span's offset unless a later one is there.

        Raises Fenced where `base` is given and an offset of the span or a wish to be forgotten came since, and Rewound
        where the store holds less than the span begins with: it was restored from a copy. A product's record is
        replaced by later ones alone. Without a span (a call, not an event) only the change is written.
        """

    async def since(self, number: int, known: Collection[int]) -> list[Change]:
        """Some of the changes after `number`, in their order, those `known` without content; empty: none.

        Raises Behind.
        """

    async def close(self) -> None: ...
