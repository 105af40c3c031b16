"""The verbs: learn from what people do and say, learn products, answer, forget. And the ports they need."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from needs.domain.fold import fold
from needs.domain.identity import Person
from needs.domain.need import Mode, Need, ReadText, need, spectrum
from needs.domain.placement import partition_of
from needs.domain.products import Product, ProductTable
from needs.domain.profile import Profile, language_of, profile
from needs.domain.shop_record import ShopRecord
from needs.domain.state import Behaviors, Rows
from needs.domain.weights import Recency
from needs.domain.words import Text, Words


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
    shops: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """What the store holds, as of one moment."""

    applied: int  # offsets below it are in the store
    rows: Rows  # (people,), writable; an unknown person's is empty; (0,) when rows were not wanted
    words: Mapping[Person, Words]
    forgotten: Mapping[Person, int]  # when it was asked, milliseconds since 1970; only people it was asked for
    shops: Collection[str] = ()  # tenants with a shop record in this partition; empty when they were not wanted


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """What is to be written, all of it or nothing."""

    rows: tuple[Sequence[Person], Rows] | None = None
    words: Mapping[Person, Words] = field(default_factory=dict)
    records: Mapping[Person, ShopRecord | None] = field(default_factory=dict)  # None: gone
    forget: Mapping[Person, int] = field(default_factory=dict)  # all of a person, asked for then

    @property
    def people(self) -> set[Person]:
        """Whom it concerns."""
        return {*(self.rows[0] if self.rows else ()), *self.words, *self.records, *self.forget}


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """All that is remembered of one person."""

    row: Rows  # (), empty for someone unknown
    words: Words
    record: ShopRecord | None


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

    async def stamp(self, partition: int, person: Person) -> bytes:
        """Something that differs after every change of the person's need."""

    async def forget(self, partition: int, person: Person, at: int) -> Mapping[str, int]:
        """Remove all; how many records of each collection there were. What happened up to `at` will not return."""


class Texts(Protocol):
    """Reads texts with the language models."""

    async def read(self, texts: Sequence[str]) -> list[ReadText]: ...


class Products(Protocol):
    """Keeps products beyond the life of the process."""

    async def save(self, products: Sequence[Product]) -> None: ...


Changed = Callable[[Collection[Person]], None]  # tells watchers


class Learn:
    """From events to what is remembered. Every write is guarded by the log's offsets: a repeat changes nothing."""

    def __init__(self, store: NeedStore, products: ProductTable, recency: Recency, changed: Changed) -> None:
        self._store, self._products, self._recency, self._changed = store, products, recency, changed

    async def behaviors(
        self, span: Span, people: Sequence[Person], batch: Behaviors, texts: Sequence[tuple[int, Person, Text]] = ()
    ) -> None:
        """What people did; `texts` are words of reviews, each with its offset."""

        def decide(page: Page) -> Changes:
            fresh = batch.take((batch.offsets >= page.applied) & (batch.times > _since(page, people)[batch.people]))
            touched = fold(page.rows, fresh, self._products, self._recency)
            return Changes(rows=([people[i] for i in touched.tolist()], page.rows[touched]), words=_words(page, texts))

        words_of = list(dict.fromkeys(person for _, person, _ in texts))
        await self._write(span, Wanted(people, rows=True, words_of=words_of), decide)

    async def texts(self, span: Span, texts: Sequence[tuple[int, Person, Text]]) -> None:
        """What people said, each with its offset."""
        people = list(dict.fromkeys(person for _, person, _ in texts))
        await self._write(span, Wanted(people, words_of=people), lambda page: Changes(words=_words(page, texts)))

    async def records(self, span: Span, records: Sequence[tuple[int, Person, ShopRecord | None]]) -> None:
        """What the shop keeps, each with its offset; the last one of a person counts.

        None: gone. Its key names a user and no shop, and the log keeps one record a key, so it is gone in every shop.
        """

        def decide(page: Page) -> Changes:
            shops, kept = set(page.shops), dict[Person, ShopRecord | None]()
            for offset, person, record in records:
                if offset < page.applied or _is_forgotten(page, person, record):
                    continue
                if record is None:
                    kept |= {Person(shop, person.user): None for shop in shops}
                else:
                    shops.add(person.tenant)
                    kept[person] = record
            return Changes(records=kept)

        people = list(dict.fromkeys(person for _, person, record in records if record is not None))
        await self._write(span, Wanted(people, shops=True), decide)

    async def erasures(self, span: Span, requests: Sequence[tuple[int, Person, int]]) -> None:
        """Whom to forget, each with its offset and when it was asked for, milliseconds since 1970.

        A wish that was granted already, by a call before its record came, removes nothing of what happened since.
        """

        def decide(page: Page) -> Changes:
            forget: dict[Person, int] = {}
            for offset, person, at in requests:
                if offset >= page.applied and at > page.forgotten.get(person, 0):
                    forget[person] = max(at, forget.get(person, 0))
            return Changes(forget=forget)

        await self._write(span, Wanted(list(dict.fromkeys(person for _, person, _ in requests))), decide)

    async def _write(self, span: Span, wanted: Wanted, decide: Callable[[Page], Changes]) -> None:
        self._changed(await self._store.update(span, wanted, decide))


class LearnProducts:
    """Keeps the table of products current, here and for the next start."""

    def __init__(self, table: ProductTable, products: Products) -> None:
        self._table, self._products = table, products

    async def __call__(self, products: Sequence[Product]) -> None:
        """Take the newer ones; a repeat changes nothing."""
        newest = {(product.tenant, product.product_id): product for product in products}
        newer = [product for key, product in newest.items() if self._is_newer(product, self._table.get(*key))]
        await self._products.save(newer)
        for product in newer:
            self._table.put(product)

    @staticmethod
    def _is_newer(product: Product, held: Product | None) -> bool:
        return held is None or product.position.follows(held.position)


class Answer:
    """From what is remembered to what is asked."""

    def __init__(
        self, store: NeedStore, texts: Texts, products: ProductTable, recency: Recency, partitions: int
    ) -> None:
        self._store, self._texts, self._products, self._recency = store, texts, products, recency
        self._partitions = partitions

    async def need(self, person: Person, mode: Mode) -> Need:
        """r_{u,t} and R_u; someone unknown has an empty need."""
        memory = await self._store.read(self._partition(person), person)
        read = await self._texts.read([text.text for text in memory.words.texts])
        found = need(memory.row, memory.words, read, self._products, self._recency, mode)
        record = memory.record or ShopRecord()
        return replace(found, language=language_of(memory.words, record), record=record)

    async def profile(self, person: Person) -> Profile:
        """What the person cares about."""
        memory = await self._store.read(self._partition(person), person)
        seen = spectrum(memory.row, Words(), [], self._products, self._recency)
        return profile(memory.row, memory.words, memory.record, seen, self._products, self._recency)

    async def stamp(self, person: Person) -> bytes:
        """Something that differs after every change of the person's need."""
        return await self._store.stamp(self._partition(person), person)

    def _partition(self, person: Person) -> int:
        return partition_of(person.user, self._partitions)


class Forget:
    """Removes a person."""

    def __init__(self, store: NeedStore, partitions: int, changed: Changed) -> None:
        self._store, self._partitions, self._changed = store, partitions, changed

    async def __call__(self, person: Person, at: int) -> Mapping[str, int]:
        """How many records of each collection were removed. Safe to repeat."""
        removed = await self._store.forget(partition_of(person.user, self._partitions), person, at)
        self._changed([person])
        return removed


def _since(page: Page, people: Sequence[Person]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(people,) the time up to which each wanted to be forgotten; 0 for who did not."""
    if not page.forgotten:
        return np.zeros(len(people), dtype=np.int64)
    return np.array([page.forgotten.get(person, 0) for person in people], dtype=np.int64)


def _words(page: Page, texts: Sequence[tuple[int, Person, Text]]) -> dict[Person, Words]:
    given: dict[Person, list[Text]] = {}
    for offset, person, text in texts:
        if offset >= page.applied and text.at > page.forgotten.get(person, 0):
            given.setdefault(person, []).append(text)
    return {person: page.words[person].add(said) for person, said in given.items()}


def _is_forgotten(page: Page, person: Person, record: ShopRecord | None) -> bool:
    """Whether a record is older than the wish to be forgotten; one without a time is taken for new."""
    return record is not None and 0 < record.updated_at <= page.forgotten.get(person, 0)
