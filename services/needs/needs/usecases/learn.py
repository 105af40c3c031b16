"""Learn from what people do and say, and what products are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from needs.domain.fold import fold
from needs.domain.identity import Person
from needs.domain.links import Links
from needs.domain.products import LogPosition, Product, ProductTable
from needs.domain.shop_record import ShopRecord
from needs.domain.state import Behaviors
from needs.domain.weights import Recency
from needs.domain.words import Text, Words
from needs.usecases.ports import Changed, Changes, NeedStore, Page, Products, Span, Wanted

SignIn = tuple[int, Person, int, str]  # offset, who, when in milliseconds since 1970, which id they had before


class Learn:
    """From events to what is remembered. Every write is guarded by the log's offsets: a repeat changes nothing."""

    def __init__(self, store: NeedStore, products: ProductTable, recency: Recency, changed: Changed) -> None:
        self._store, self._products, self._recency, self._changed = store, products, recency, changed

    async def behaviors(
        self,
        span: Span,
        people: Sequence[Person],
        batch: Behaviors,
        texts: Sequence[tuple[int, Person, Text]] = (),
        sign_ins: Sequence[SignIn] = (),
    ) -> None:
        """What people did; `texts` are words that came with it, of `people` too, each with its offset."""

        def decide(page: Page) -> Changes:
            fresh = batch.take((batch.offsets >= page.applied) & (batch.times > _since(page, people)[batch.people]))
            touched = fold(page.rows, fresh, self._products, self._recency)
            return Changes(
                rows=([people[i] for i in touched.tolist()], page.rows[touched]),
                words=_words(page, texts),
                links=_links(page, sign_ins),
            )

        words_of = list(dict.fromkeys(person for _, person, _ in texts))
        links_of = list(dict.fromkeys(person for _, person, _, _ in sign_ins))
        wanted = Wanted(people, rows=True, words_of=words_of, links_of=links_of)
        await self._write(span, wanted, decide)

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

    async def _write(self, span: Span, wanted: Wanted, decide: Callable[[Page], Changes]) -> None:
        self._changed(await self._store.update(span, wanted, decide))


class LearnProducts:
    """Keeps the table of products current, here and for the next start."""

    def __init__(self, table: ProductTable, products: Products) -> None:
        self._table, self._products = table, products

    async def __call__(self, products: Sequence[Product]) -> None:
        """Take the newer ones; a repeat changes nothing."""
        newest = {(product.tenant, product.product_id): product for product in products}
        newer = [product for key, product in newest.items() if self._is_newer(product, self._table.position(*key))]
        await self._products.save(newer)
        for product in newer:
            self._table.put(product)

    @staticmethod
    def _is_newer(product: Product, held: LogPosition | None) -> bool:
        return held is None or product.position.follows(held)


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


def _links(page: Page, sign_ins: Sequence[SignIn]) -> dict[Person, Links]:
    """Of those who signed in for the first time with an id."""
    given: dict[Person, list[str]] = {}
    for offset, person, at, before in sign_ins:
        if offset >= page.applied and at > page.forgotten.get(person, 0):
            given.setdefault(person, []).append(before)
    found = {person: page.links[person].add(ids) for person, ids in given.items()}
    return {person: links for person, links in found.items() if links != page.links[person]}
