"""Knowledge in a Qdrant server."""

from __future__ import annotations

from typing import Any

from qdrant_client import AsyncQdrantClient
from qdrant_client.models import (
    Distance,
    MultiVectorComparator,
    MultiVectorConfig,
    PointIdsList,
    PointStruct,
    VectorParams,
)

from lm.protocols import Matrix
from qa.domain.knowledge import Entry
from qa.stores.codec import entry_payload, entry_point, guard_point, product_payload, product_point
from qa.stores.edge import TEXTS, Reader, guard
from qa.usecases.ports import Changes, Held, Span

COLLECTION = "knowledge"
_AT_ONCE = 200  # points per request: some megabytes at 256 dimensions


class ServerKnowledge:
    """The points of EdgeKnowledge, in a collection. Every write waits until it is applied."""

    def __init__(self, client: AsyncQdrantClient, *, dim: int, space: str) -> None:
        self._client, self._dim, self._space = client, dim, space

    async def write(self, changes: Changes, span: Span) -> None:
        """See KnowledgeIndex."""
        gone: list[Any] = [*map(entry_point, changes.gone), *map(product_point, changes.gone_products)]
        if gone:
            await self._client.delete(COLLECTION, PointIdsList(points=gone), wait=True)
        points = [self._point(entry, vectors) for entry, vectors in changes.entries]
        points += [PointStruct(id=product_point(p), vector={}, payload=product_payload(p)) for p in changes.products]
        points.append(PointStruct(id=guard_point(span.topic, span.partition), vector={}, payload=guard(span)))
        for start in range(0, len(points), _AT_ONCE):
            await self._client.upsert(COLLECTION, points[start : start + _AT_ONCE], wait=True)

    async def read(self) -> Held:
        """See KnowledgeIndex. Makes the collection when it is not there."""
        await self._make()
        reader, offset = Reader(self._dim, self._space), None
        while True:
            records, offset = await self._client.scroll(
                COLLECTION, limit=500, offset=offset, with_payload=True, with_vectors=True
            )
            for record in records:
                reader.take(record.payload or {}, record.vector)
            if offset is None:
                return reader.held

    async def close(self) -> None:
        """Disconnect."""
        await self._client.close()

    async def _make(self) -> None:
        if await self._client.collection_exists(COLLECTION):
            return
        several = MultiVectorConfig(comparator=MultiVectorComparator.MAX_SIM)
        params = VectorParams(size=self._dim, distance=Distance.DOT, multivector_config=several)
        await self._client.create_collection(COLLECTION, vectors_config={TEXTS: params})

    def _point(self, entry: Entry, vectors: Matrix) -> PointStruct:
        payload = entry_payload(entry, self._space)
        return PointStruct(id=entry_point(entry), vector={TEXTS: vectors.tolist()}, payload=payload)
