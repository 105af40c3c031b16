"""What the verbs need of the world."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from content.domain.appeals import Response
from content.domain.composition import Composition, Outcome
from content.domain.customer import Customer, Person
from content.domain.experiment import Experiment
from content.domain.gaps import Template
from content.domain.names import Names
from content.domain.product import Product


@dataclass(frozen=True, slots=True)
class Replaced:
    """A part of the work that was done by something less than the first choice."""

    component: str
    used: str
    reason: str


@dataclass(frozen=True, slots=True)
class Awaited:
    """A position of the log that the caller wants to see the effect of."""

    topic: str
    partition: int
    offset: int
    log: str = ""


@dataclass(frozen=True, slots=True)
class KnownCustomer:
    """What is known of a person, and how well."""

    customer: Customer
    by: Sequence[str] = ()
    replaced: Replaced | None = None  # set when the needs service is away: then the customer is nobody's
    stale: bool = False


class Customers(Protocol):
    """Tells of people. Never raises for a service that is away: it says so instead."""

    async def get(self, person: Person, at_least: Sequence[Awaited]) -> KnownCustomer: ...


@dataclass(frozen=True, slots=True)
class KnownProduct:
    """A product record, and how fresh it is."""

    product: Product | None  # None: the catalogue has no such product
    replaced: Replaced | None = None


class ProductsAway(Exception):
    """The recommender, which has the product records, does not answer, and this one is not remembered."""

    field = "product_id"
    remedy = "try again; it is found again without a restart"

    def __init__(self, product_id: str, reason: str) -> None:
        self.value = product_id
        super().__init__(f"the product record of {product_id!r} cannot be had, so no fact can be checked: {reason}")


class Products(Protocol):
    """Tells of products."""

    async def get(self, tenant: str, product_id: str) -> KnownProduct:
        """Raises ProductsAway."""

    def names(self, tenant: str) -> Names:
        """Names of brands and products of the shop that were met so far."""


@dataclass(frozen=True, slots=True)
class Written:
    """Texts of a generator."""

    made_by: str
    texts: Sequence[tuple[str, float | None]]  # with the log-probability per token, where its maker tells
    replaced: Replaced | None = None


class Writer(Protocol):
    """Writes texts from facts. Never raises for an engine that is away: it gives no text and says so."""

    async def write(
        self, facts: Mapping[str, str], channel: str, language: str, *, max_chars: int, seed: int
    ) -> Written: ...


class Reader(Protocol):
    """Reads texts with the language models."""

    @property
    def space(self) -> str:
        """Of its vectors."""

    async def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(len(texts), dim), unit rows."""

    def words(self, text: str) -> Mapping[str, float]:
        """Word → how often."""


class MemoryAway(ConnectionError):
    """The engine that remembers templates, experiments and compositions does not answer."""

    remedy = "try again; it is found again without a restart"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the memory of content does not answer: {reason}")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one partition of the log."""

    log: str  # which life of the log
    topic: str
    partition: int
    next_offset: int
    begins: int = 0  # what lies before it was done when the piece was taken
    run: str = ""  # which life of the memory the piece was begun in; empty: not known


class Templates(Protocol):
    """Remembers templates. Everything here raises MemoryAway."""

    async def apply(self, span: Span, changes: Sequence[tuple[int, Template | str]]) -> None:
        """Changes in their order, each with its offset. Passes over those that were applied before.

        A template replaces the one of its id, also when that was of another channel; a text is the id of one that is
        gone from every shop, since a record without a value names none.
        """

    async def of_channel(self, tenant: str, channel: str) -> Sequence[Template]:
        """In the order of their ids."""


@dataclass(frozen=True, slots=True)
class Happened:
    """An outcome, as the log has it."""

    offset: int
    event_id: str
    person: Person
    outcome: Outcome
    composition_id: str
    experiment_id: str
    variant_id: str
    at: int  # milliseconds since 1970


class Experiments(Protocol):
    """Counts outcomes, each exactly once. Everything here raises MemoryAway."""

    async def open(self, tenant: str, experiment_id: str, variants: Collection[str]) -> None:
        """Makes sure that the experiment and its arms exist."""

    async def get(self, tenant: str, experiment_id: str) -> Experiment | None: ...

    async def all(self, tenant: str) -> Sequence[Experiment]:
        """In the order of their ids."""

    async def count(
        self, span: Span, tenant: str, experiment_id: str, outcomes: Sequence[tuple[Happened, str]]
    ) -> None:
        """Adds outcomes, each with its context. Passes over what it has counted: by offset, and by event id."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was removed of a person."""

    compositions: int = 0
    responses: int = 0


class Compositions(Protocol):
    """Remembers what was said to whom. Everything here raises MemoryAway."""

    async def remember(self, person: Person, composition: Composition) -> bool:
        """False: the person wants to be forgotten as of a later time, so nothing was written."""

    async def find(self, wanted: Sequence[tuple[Person, str]]) -> list[Composition | None]:
        """By composition id."""

    async def responses(self, person: Person) -> Mapping[str, Response]:
        """Appeal → how the person responded."""

    async def respond(self, span: Span, outcomes: Mapping[Person, Sequence[tuple[Happened, str]]]) -> None:
        """Adds outcomes, each with the appeal. Passes over what it has counted, and over a person it was to forget."""

    async def forget(self, person: Person, at: int) -> Forgotten:
        """Removes all. What happened up to `at` will not return. A wish that was granted before removes nothing."""


class Positions(Protocol):
    """Remembers how far the log is in the stores. Everything here raises MemoryAway."""

    async def reached(self, span: Span, sure: int | None) -> None:
        """All before the end of the span is in the stores; all before `sure` needs never be read again.

        Raises MemoryAway, so that the piece comes again, where the memory was started anew in the middle of it.
        """
