"""Learn: what the shop says, kept and put on the shelf."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from lm.protocols import Matrix
from qa.domain.knowledge import Entry
from qa.domain.library import Library
from qa.domain.products import Product
from qa.usecases.ports import Changes, KnowledgeIndex, Span
from qa.usecases.texts import Texts

Known = TypeVar("Known", Entry, Product)


class Learn:
    """From events to the library and what is remembered of it. A span that was applied changes nothing."""

    def __init__(self, index: KnowledgeIndex, library: Library, texts: Texts) -> None:
        self._index, self._library, self._texts = index, library, texts
        self._applied: dict[tuple[str, int], tuple[str, int]] = {}

    async def recall(self) -> None:
        """Fill the library with what is remembered. Call once, before anything else."""
        held = await self._index.read()
        self._applied = dict(held.applied)
        for product in held.products:
            self._library.learn_product(product)
        unread = [entry for entry, vectors in held.entries if vectors is None]
        for entry, vectors in held.entries:
            if vectors is not None:
                self._library.learn(entry, vectors)
        for entry, vectors in await self._with_vectors(unread):
            self._library.learn(entry, vectors)

    def applied(self, log: str, topic: str, partition: int) -> int | None:
        """The next offset of a partition in this life of the log; None: nothing of it was applied."""
        held = self._applied.get((topic, partition))
        return held[1] if held is not None and held[0] == log else None

    async def entries(self, span: Span, said: Sequence[tuple[int, str, Entry | None]]) -> None:
        """What the shop says, each with its offset and entry id; None: gone. The last word on an entry counts."""
        last, gone = _last([(each, said_id) for offset, said_id, each in said if offset >= self._from(span)])
        entries = await self._with_vectors(last)
        removed = [each for entry_id in gone for each in self._library.held(entry_id)]
        await self._write(Changes(entries=entries, gone=removed), span)
        for entry in removed:
            self._library.forget(entry)
        for entry, vectors in entries:
            self._library.learn(entry, vectors)

    async def products(self, span: Span, said: Sequence[tuple[int, str, Product | None]]) -> None:
        """The catalogue, each with its offset and product id; None: gone."""
        last, gone = _last([(each, said_id) for offset, said_id, each in said if offset >= self._from(span)])
        removed = [each for product_id in gone for each in self._library.held_products(product_id)]
        await self._write(Changes(products=last, gone_products=removed), span)
        for product in removed:
            self._library.forget_product(product)
        for product in last:
            self._library.learn_product(product)

    def _from(self, span: Span) -> int:
        return self.applied(span.log, span.topic, span.partition) or 0

    async def _write(self, changes: Changes, span: Span) -> None:
        if span.next_offset <= self._from(span):
            return
        await self._index.write(changes, span)
        self._applied[span.topic, span.partition] = (span.log, span.next_offset)

    async def _with_vectors(self, entries: Sequence[Entry]) -> list[tuple[Entry, Matrix]]:
        texts = [text for entry in entries for text in entry.texts]
        vectors = await self._texts.read(texts) if texts else None
        read, start = [], 0
        for entry in entries:
            end = start + len(entry.texts)
            assert vectors is not None  # noqa: S101 - an entry has texts
            read.append((entry, vectors[start:end]))
            start = end
        return read


def _last(said: Iterable[tuple[Known | None, str]]) -> tuple[list[Known], list[str]]:
    """What stands at the end, and the ids that were said to be gone: those of every shop, a tombstone names none."""
    last: dict[tuple[str, str], Known] = {}
    gone: list[str] = []
    for each, said_id in said:
        if each is not None:
            last[each.tenant, said_id] = each
            continue
        gone.append(said_id)
        last = {key: held for key, held in last.items() if key[1] != said_id}
    return list(last.values()), gone
