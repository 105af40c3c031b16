"""Clicks of a slice as columns: a million of them are folded without an object for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Self, overload

import msgspec
import numpy as np
from numpy.typing import NDArray

from chassis.kafka import Decoded, Rejected
from needs.domain.identity import Names, Person, names
from needs.domain.state import Behaviors
from needs.domain.weights import Kind, KindWeights, Times


class Click(msgspec.Struct, frozen=True, gc=False):
    """One behaviour."""

    event_id: str
    person: Person
    product_id: str  # empty: it concerns a composed text alone
    kind: Kind
    at: int  # milliseconds since 1970
    rating: float | None
    text: str
    language: str
    looked: int = 0  # milliseconds; 0: not said
    anonymous: str = ""  # who signed in was this id before


Refused = list[tuple[int, Rejected]]


@dataclass(slots=True, eq=False)
class Clicks(Sequence[Decoded[Click]]):
    """(n,) each, in the order of the log; `written` and `known_as` are of those few that have a text or sign in."""

    offsets: list[int] = field(default_factory=list)
    tenants: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)  # as the keys of the records
    products: list[str] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    times: Times = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    ratings: list[float | None] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    looks: list[int] = field(default_factory=list)  # milliseconds; 0: not said
    written: dict[int, tuple[str, str]] = field(default_factory=dict)  # offset → text, language
    known_as: dict[int, str] = field(default_factory=dict)  # offset → id before signing in

    @classmethod
    def of(cls, items: Iterable[Decoded[Click]]) -> Self:
        """Columns of clicks that came one by one."""
        clicks = [(item.offset, item.value) for item in items if item.value is not None]
        return cls(
            [offset for offset, _ in clicks],
            [click.person.tenant for _, click in clicks],
            [click.person.user for _, click in clicks],
            [click.product_id for _, click in clicks],
            [click.kind for _, click in clicks],
            np.array([click.at for _, click in clicks], dtype=np.int64),
            [click.rating for _, click in clicks],
            [click.event_id for _, click in clicks],
            [click.looked for _, click in clicks],
            {offset: (click.text, click.language) for offset, click in clicks if click.text},
            {offset: click.anonymous for offset, click in clicks if click.anonymous},
        )

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, index: int) -> Decoded[Click]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Decoded[Click]]: ...
    def __getitem__(self, index: int | slice) -> Decoded[Click] | Sequence[Decoded[Click]]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        offset, person = self.offsets[index], Person(self.tenants[index], self.users[index])
        text, language = self.written.get(offset, ("", ""))
        kind, at, rating = self.kinds[index], int(self.times[index]), self.ratings[index]
        looked, anonymous = self.looks[index], self.known_as.get(offset, "")
        event, product = self.events[index], self.products[index]
        click = Click(event, person, product, kind, at, rating, text, language, looked, anonymous)
        return Decoded(offset, person.user, click)

    def sifted(self, good: NDArray[np.bool_], why: Callable[[Click], Rejected]) -> tuple[Self, Refused]:
        """Those of a mask, and a reason for each other one."""
        if good.all():
            return self, []
        bad = [self[place] for place in np.flatnonzero(~good).tolist()]
        return self.take(good), [(item.offset, why(item.value)) for item in bad if item.value is not None]

    def reviews(self) -> Iterator[tuple[int, Click]]:
        """Those with a text, with their offsets."""
        for place, offset in enumerate(self.offsets if self.written else ()):
            if offset in self.written and (click := self[place].value) is not None:
                yield offset, click

    def sign_ins(self) -> list[tuple[int, Person, int, str]]:
        """Offset, who, when, and which id they had before."""
        return [
            (offset, Person(self.tenants[place], self.users[place]), int(self.times[place]), self.known_as[offset])
            for place, offset in enumerate(self.offsets if self.known_as else ())
            if offset in self.known_as
        ]

    def of_products(self) -> Self:
        """Those towards a product; the others are about a text, or sign in."""
        named = np.array([bool(product) for product in self.products], dtype=bool)
        if self.known_as:
            named &= np.array([offset not in self.known_as for offset in self.offsets], dtype=bool)
        return self.take(named)

    def take(self, which: NDArray[np.bool_]) -> Self:
        """Those of a mask."""
        if which.all():
            return self
        keep = which.tolist()
        return type(self)(
            list(compress(self.offsets, keep)),
            list(compress(self.tenants, keep)),
            list(compress(self.users, keep)),
            list(compress(self.products, keep)),
            list(compress(self.kinds, keep)),
            self.times[which],
            list(compress(self.ratings, keep)),
            list(compress(self.events, keep)),
            list(compress(self.looks, keep)),
            self.written,
            self.known_as,
        )


def behaviors_of(clicks: Clicks, products: Names, weights: KindWeights) -> tuple[list[Person], Behaviors]:
    """The people of the clicks, and what they did; `products` (n,) are the 64-bit names of the products."""
    rows: dict[tuple[str, str], int] = {}
    people = [rows.setdefault(pair, len(rows)) for pair in zip(clicks.tenants, clicks.users, strict=True)]
    kinds = np.array(clicks.kinds, dtype=np.uint8)
    nothing = float("nan")
    stars = [nothing if rating is None else rating for rating in clicks.ratings]
    return [Person(*pair) for pair in rows], Behaviors(
        offsets=np.array(clicks.offsets, dtype=np.int64),
        people=np.array(people, dtype=np.int64),
        products=products,
        kinds=kinds,
        times=clicks.times,
        weights=weights.of(kinds, np.array(stars, dtype=np.float64), np.array(clicks.looks, dtype=np.int64)),
        events=names(clicks.events),
    )
