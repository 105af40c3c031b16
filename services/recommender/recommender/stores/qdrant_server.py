"""Products in a Qdrant server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from qdrant_client import AsyncQdrantClient, models

from recommender.domain.product import Key
from recommender.domain.shop import Allowed, Entry
from recommender.stores.payload import DENSE, WORDS, collection, key_of, payload, point_id
from recommender.usecases.ports import Hit, Indexed, Vector

_PAGE = 1_000
_INDEXED_FIELDS: dict[str, models.KeywordIndexParams | models.PayloadSchemaType] = {
    "tenant": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    "brand": models.PayloadSchemaType.KEYWORD,
    "categories": models.PayloadSchemaType.KEYWORD,
    "in_stock": models.PayloadSchemaType.INTEGER,
    "amount": models.PayloadSchemaType.FLOAT,
}


class ServerProductIndex:
    """One collection per space."""

    def __init__(self, client: AsyncQdrantClient, *, space: str, dim: int) -> None:
        self._client, self._name, self._dim = client, collection(space), dim

    async def open(self) -> None:
        """Create the collection if it is not there."""
        if await self._client.collection_exists(self._name):
            return
        await self._client.create_collection(
            self._name,
            vectors_config={DENSE: models.VectorParams(size=self._dim, distance=models.Distance.DOT)},
            sparse_vectors_config={WORDS: models.SparseVectorParams(modifier=models.Modifier.IDF)},
        )
        for field, schema in _INDEXED_FIELDS.items():
            await self._client.create_payload_index(self._name, field, field_schema=schema)

    async def upsert(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        points = [
            models.PointStruct(
                id=str(point_id(entry.product.key)),
                vector={
                    DENSE: entry.vector.tolist(),
                    WORDS: models.SparseVector(indices=entry.words.words.tolist(), values=entry.words.weights.tolist()),
                },
                payload=payload(entry),
            )
            for entry in entries
        ]
        await self._client.upsert(self._name, points, wait=True)

    async def delete(self, keys: Sequence[Key]) -> None:
        if keys:
            ids: list[Any] = [str(point_id(key)) for key in keys]
            await self._client.delete(self._name, models.PointIdsList(points=ids), wait=True)

    async def nearest(self, tenant: str, vector: Vector, k: int, allowed: Allowed) -> list[Hit]:
        return await self._search(vector.tolist(), DENSE, tenant, k, allowed)

    async def by_words(self, tenant: str, words: Mapping[int, float], k: int, allowed: Allowed) -> list[Hit]:
        if not words:
            return []
        sparse = models.SparseVector(indices=list(words), values=list(words.values()))
        return await self._search(sparse, WORDS, tenant, k, allowed)

    async def stored(self) -> list[Indexed]:
        found: list[Indexed] = []
        offset: Any = None
        while True:
            records, offset = await self._client.scroll(
                self._name,
                limit=_PAGE,
                offset=offset,
                with_payload=["tenant", "product_id", "position"],
                with_vectors=[DENSE],
            )
            found += [
                Indexed(key_of(r.payload), str(r.payload["position"]), np.array(r.vector[DENSE], dtype=np.float32))
                for r in records
                if r.payload and isinstance(r.vector, dict)
            ]
            if offset is None:
                return found

    async def close(self) -> None:
        await self._client.close()

    async def _search(self, query: Any, using: str, tenant: str, k: int, allowed: Allowed) -> list[Hit]:
        reply = await self._client.query_points(
            self._name,
            query=query,
            using=using,
            query_filter=_filter(tenant, allowed),
            limit=k,
            with_payload=["product_id"],
        )
        return [Hit(str(p.payload["product_id"]), float(p.score)) for p in reply.points if p.payload]


def _filter(tenant: str, allowed: Allowed) -> models.Filter:
    must: list[models.Condition] = [models.FieldCondition(key="tenant", match=models.MatchValue(value=tenant))]
    if not allowed.out_of_stock:
        must.append(models.FieldCondition(key="in_stock", match=models.MatchValue(value=1)))
    if allowed.brands:
        must.append(models.FieldCondition(key="brand", match=models.MatchAny(any=sorted(allowed.brands))))
    if allowed.categories:
        must.append(models.FieldCondition(key="categories", match=models.MatchAny(any=sorted(allowed.categories))))
    if allowed.most is not None:
        must.append(models.FieldCondition(key="currency", match=models.MatchValue(value=allowed.currency)))
        must.append(models.FieldCondition(key="amount", range=models.Range(lte=allowed.most)))
    return models.Filter(must=must)
