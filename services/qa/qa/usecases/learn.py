"""Learn and keep: what the shop says, on the shelf of every replica and in the index for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from qa.domain.knowledge import Entry
from qa.domain.library import Library
from qa.domain.products import Product
from qa.usecases.ports import Changes, Gone, Held, KnowledgeIndex, Known, Said, Span
from qa.usecases.texts import Texts


class Learn:
    """From events to the library of this process. A span that was applied changes nothing."""

    def __init__(self, library: Library, texts: Texts) -> None:
        self._library, self._texts = library, texts
        self._applied: dict[tuple[str, int], tuple[str, int]] = {}

    async def recall(self, held: Held) -> None:
        """Fill the library with what is remembered. Call once, before anything else."""
        self._applied = dict(held.applied)
        for product in held.products:
            self._library.learn_product(product)
        unread = [entry for entry, vectors in held.entries if vectors is None]
        for entry, vectors in held.entries:
            if vectors is not None:
                self._library.learn(entry, vectors)
        for entry, vectors in await self._texts.of_entries(unread):
            self._library.learn(entry, vectors)

    def applied(self, log: str, topic: str, partition: int) -> int | None:
        """The next offset of a partition in this life of the log; None: nothing of it was applied."""
        held = self._applied.get((topic, partition))
        return held[1] if held is not None and held[0] == log else None

    async def entries(self, span: Span, said: Sequence[Said[Entry]]) -> None:
        """What the shop says. The last word on an entry counts."""
        last, gone = last_words(self._new(span, said))
        for entry, vectors in await self._texts.of_entries(last):
            self._library.learn(entry, vectors)
        for each in gone:
            for entry in self._library.held(each.said_id):
                if not _follows(entry, each):
                    self._library.forget(entry)
        self._reach(span)

    async def products(self, span: Span, said: Sequence[Said[Product]]) -> None:
        """The catalogue. The last word on a product counts."""
        last, gone = last_words(self._new(span, said))
        for product in last:
            self._library.learn_product(product)
        for each in gone:
            for product in self._library.held_products(each.said_id):
                if not _follows(product, each):
                    self._library.forget_product(product)
        self._reach(span)

    def _new(self, span: Span, said: Sequence[Said[Known]]) -> list[Said[Known]]:
        start = self.applied(span.log, span.topic, span.partition) or 0
        return [each for each in said if each.position.offset >= start]

    def _reach(self, span: Span) -> None:
        if span.next_offset > (self.applied(span.log, span.topic, span.partition) or 0):
            self._applied[span.topic, span.partition] = (span.log, span.next_offset)


class Keep:
    """From events to the index, once for all replicas. A span that was applied changes nothing."""

    def __init__(self, index: KnowledgeIndex, library: Library, texts: Texts) -> None:
        """`library`: vectors that this process has made already are taken from there."""
        self._index, self._library, self._texts = index, library, texts

    async def applied(self, log: str, topic: str, partition: int) -> int | None:
        """The next offset of a partition in this life of the log; None: nothing of it was applied."""
        return await self._index.applied(log, topic, partition)

    async def entries(self, span: Span, said: Sequence[Said[Entry]]) -> None:
        """What the shop says. The last word on an entry counts."""
        last, gone = last_words(said)
        known = {entry: vectors for entry in last if (vectors := self._library.vectors(entry)) is not None}
        known |= await self._texts.of_entries([entry for entry in last if entry not in known])
        entries = [(entry, known[entry]) for entry in last]
        await self._index.write(Changes(entries=entries, gone=gone), span)

    async def products(self, span: Span, said: Sequence[Said[Product]]) -> None:
        """The catalogue. The last word on a product counts."""
        last, gone = last_words(said)
        await self._index.write(Changes(products=last, gone_products=gone), span)


def last_words(said: Sequence[Said[Known]]) -> tuple[list[Known], list[Gone]]:
    """What stands at the end, and the ids that were said to be gone before that: those of every shop."""
    last: dict[tuple[str, str], Known] = {}
    gone: dict[str, Gone] = {}
    for each in said:
        if each.value is not None:
            last[each.value.tenant, each.said_id] = each.value
            continue
        tenants = frozenset(tenant for tenant, said_id in last if said_id == each.said_id)
        before = gone.get(each.said_id, Gone("", each.position)).tenants
        gone[each.said_id] = Gone(each.said_id, each.position, tenants | before)
        for tenant in tenants:
            del last[tenant, each.said_id]
    return list(last.values()), list(gone.values())


def _follows(held: Entry | Product, gone: Gone) -> bool:
    """Whether this was said after that it is gone."""
    return held.position[:2] == gone.position[:2] and held.position.offset > gone.position.offset
