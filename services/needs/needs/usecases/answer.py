"""Answer: from what is remembered to what is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import numpy as np

from needs.domain.identity import Person
from needs.domain.need import Mode, Need, need_of
from needs.domain.past import Past
from needs.domain.placement import partition_of
from needs.domain.products import ProductTable
from needs.domain.profile import Profile, language_of, profile
from needs.domain.shop_record import ShopRecord
from needs.domain.spectrum import spectrum_of
from needs.domain.weights import Kind, KindWeights, Recency
from needs.domain.words import Words
from needs.usecases.ports import Memory, NeedStore, Texts

Supposed = tuple[Kind, str]  # what would be done, to which product


class UnknownProduct(LookupError):
    """Nothing is known of a product that is supposed to be dealt with."""

    field = "what_if"
    remedy = "name a product of the shop's catalogue; `attune search` finds them"

    def __init__(self, product_id: str) -> None:
        self.value = product_id
        super().__init__(f"the shop has no product {product_id!r}")


class Answer:
    """Needs and profiles, of a person under all ids they had."""

    def __init__(
        self,
        store: NeedStore,
        texts: Texts,
        products: ProductTable,
        recency: Recency,
        partitions: int,
        *,
        weights: KindWeights,
        now: Callable[[], int],
    ) -> None:
        """`now`: milliseconds since 1970."""
        self._store, self._texts, self._products, self._recency = store, texts, products, recency
        self._partitions, self._weights, self._now = partitions, weights, now

    async def need(
        self,
        person: Person,
        mode: Mode,
        as_of: int | None = None,
        what_if: Sequence[Supposed] = (),
        *,
        explained: bool = True,
    ) -> Need:
        """r_{u,t} and R_u; someone unknown has an empty need. `as_of`: milliseconds since 1970, absent: now.

        `explained`: see `need_of`.

        Raises UnknownProduct. Nothing is remembered of what is supposed.
        """
        supposed = self._named(person.tenant, what_if) if what_if else None
        memories = await self._memories(person)
        past = _past(memories)
        if as_of is not None:
            past = past.until(as_of)
        if supposed is not None:
            kinds = np.array([kind for kind, _ in what_if], dtype=np.uint8)
            weights = self._weights.of(kinds, np.full(len(kinds), np.nan))
            past = past.after(supposed, kinds, weights, self._now() if as_of is None else as_of)
        read = await self._texts.read([text.text for text in past.texts]) if past.texts else []
        found = need_of(past, read, self._products, self._recency, mode, explained=explained)
        record = _record(memories) or ShopRecord()
        language = language_of(Words(past.texts), record)
        return found._replace(language=language, record=record, links=memories[0].links)

    async def profile(self, person: Person) -> Profile:
        """What the person cares about."""
        memories = await self._memories(person)
        past = _past(memories)._replace(texts=())
        seen = spectrum_of(past, [], self._products, self._recency)
        rows = [memory.row for memory in memories]
        words = Words(_past(memories).texts, sum(memory.words.asked for memory in memories))
        return profile(rows, words, _record(memories), seen, self._products, self._recency)

    async def stamp(self, person: Person) -> tuple[bytes, list[Person]]:
        """Something that differs after every change of the person's need, and who else they were."""
        stamp, links = await self._store.stamp(self._partition(person), person)
        others = [Person(person.tenant, user) for user in links.newest]
        stamps = await asyncio.gather(*(self._store.stamp(self._partition(other), other) for other in others))
        return b"|".join([stamp, *(stamp for stamp, _ in stamps)]), others

    async def _memories(self, person: Person) -> list[Memory]:
        """The person's own first, then those of who they were; others than who has signed in cost one read."""
        own = await self._store.read(self._partition(person), person)
        if not own.links.ids:
            return [own]
        others = (Person(person.tenant, user) for user in own.links.newest)
        return [own, *await asyncio.gather(*(self._store.read(self._partition(other), other) for other in others))]

    def _named(self, tenant: str, what_if: Sequence[Supposed]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
        names = self._products.names_of([tenant] * len(what_if), [product for _, product in what_if])
        for name, (_, product) in zip(names.tolist(), what_if, strict=True):
            if not name:
                raise UnknownProduct(product)
        return names

    def _partition(self, person: Person) -> int:
        return partition_of(person.user, self._partitions)


def _past(memories: Sequence[Memory]) -> Past:
    pasts = [Past.of(memory.row, memory.words) for memory in memories]
    return pasts[0] if len(pasts) == 1 else Past.together(pasts)


def _record(memories: Sequence[Memory]) -> ShopRecord | None:
    """The person's own, else one that the shop kept of them before they signed in."""
    return next((memory.record for memory in memories if memory.record is not None), None)
