"""Products in qdrant-edge: the engine of a Qdrant server, in process.

Calls stay on the event loop: the engine holds the GIL while it works, so a thread would gain nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as edge

from chassis.disk import require_room
from recommender.domain.product import Key
from recommender.domain.shop import Allowed, Entry
from recommender.stores.payload import DENSE, WORDS, collection, key_of, payload, point_id
from recommender.usecases.ports import Hit, Indexed, Vector

_AT_ONCE = 100  # points per write: 1,000 stall a search for 26 to 64 ms
_PAGE = 1_000
_PointId = int | uuid.UUID | str
_UNINDEXED = 20_000  # points without an index that cost a search nothing visible; building it takes seconds
_INDEXED_FIELDS = {  # a filter by a field without an index costs 1.4 ms at 1,000 products, with one 0.1
    "tenant": edge.PayloadSchemaType.Keyword,
    "brand": edge.PayloadSchemaType.Keyword,
    "categories": edge.PayloadSchemaType.Keyword,
    "currency": edge.PayloadSchemaType.Keyword,
    "in_stock": edge.PayloadSchemaType.Integer,
    "amount": edge.PayloadSchemaType.Float,
}


class EdgeProductIndex:
    """One shard per space in `folder`. Only one process may have it open; a killed one loses nothing (WAL).

    Whatever writes raises OSError while the disk is full.
    """

    def __init__(self, folder: Path, *, space: str, dim: int) -> None:
        """Opens or creates. Builds the search index now if much is missing: later it would stop every request."""
        self._path = path = folder / collection(space)
        config = edge.EdgeConfig(
            vectors={DENSE: edge.EdgeVectorParams(size=dim, distance=edge.Distance.Dot)},  # of unit length already
            sparse_vectors={WORDS: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
        )
        if (path / "edge_config.json").exists():
            self._shard = edge.EdgeShard.load(str(path), config)
            info = self._shard.info()
            if info.points_count - info.indexed_vectors_count > _UNINDEXED:
                self._shard.optimize()
        else:
            path.mkdir(parents=True, exist_ok=True)
            self._shard = edge.EdgeShard.create(str(path), config)
        there = self._shard.info().payload_schema  # making an index takes 0.3 s, even of nothing
        for name, kind in _INDEXED_FIELDS.items():
            if name not in there:
                self._shard.update(edge.UpdateOperation.create_field_index(name, kind))
        # Point → product id: reading it from the shard costs as much as the search itself.
        self._names: dict[Any, str] = {}

    async def upsert(self, entries: Sequence[Entry]) -> None:
        named = [(point_id(entry.product.key), entry) for entry in entries]
        points = [
            edge.Point(
                id=point,
                vector={
                    DENSE: entry.vector.tolist(),
                    WORDS: edge.SparseVector(entry.words.words.tolist(), entry.words.weights.tolist()),
                },
                payload=payload(entry),
            )
            for point, entry in named
        ]
        self._names |= {point: entry.product.key.product_id for point, entry in named}
        for start in range(0, len(points), _AT_ONCE):
            require_room(self._path)
            self._shard.update(edge.UpdateOperation.upsert_points(points[start : start + _AT_ONCE]))

    async def delete(self, keys: Sequence[Key]) -> None:
        if keys:
            require_room(self._path)
            self._shard.update(edge.UpdateOperation.delete_points([point_id(key) for key in keys]))

    async def nearest(self, tenant: str, vector: Vector, k: int, allowed: Allowed) -> list[Hit]:
        return self._search(edge.Query.Nearest(vector.tolist(), using=DENSE), tenant, k, allowed)

    async def by_words(self, tenant: str, words: Mapping[int, float], k: int, allowed: Allowed) -> list[Hit]:
        if not words:
            return []
        sparse = edge.SparseVector(list(words), list(words.values()))
        return self._search(edge.Query.Nearest(sparse, using=WORDS), tenant, k, allowed)

    async def stored(self) -> list[Indexed]:
        found: list[Indexed] = []
        offset: Any = None
        while True:
            request = edge.ScrollRequest(
                offset=offset, limit=_PAGE, with_payload=["tenant", "product_id", "position"], with_vector=[DENSE]
            )
            records, offset = self._shard.scroll(request)
            found += [_indexed(record) for record in records]
            self._names |= {record.id: str((record.payload or {})["product_id"]) for record in records}
            if offset is None:
                return found

    async def close(self) -> None:
        self._shard.flush()
        self._shard.close()

    def _search(self, query: Any, tenant: str, k: int, allowed: Allowed) -> list[Hit]:
        request = edge.QueryRequest(
            query=query, filter=_filter(tenant, allowed), limit=k, with_payload=False, with_vector=False
        )
        points = self._shard.query(request)
        self._learn_names([point.id for point in points])
        return [Hit(self._names[point.id], float(point.score)) for point in points]

    def _learn_names(self, points: Sequence[Any]) -> None:
        unknown: list[Any] = [point for point in points if point not in self._names]
        if unknown:
            for record in self._shard.retrieve(unknown, with_payload=["product_id"], with_vector=False):
                self._names[record.id] = str((record.payload or {})["product_id"])


def _indexed(record: Any) -> Indexed:
    vector = np.array(record.vector[DENSE], dtype=np.float32)
    return Indexed(key_of(record.payload), str(record.payload["position"]), vector)


def _filter(tenant: str, allowed: Allowed) -> Any:
    must: list[Any] = [edge.FieldCondition("tenant", match=edge.MatchValue(tenant))]
    if not allowed.out_of_stock:
        must.append(edge.FieldCondition("in_stock", match=edge.MatchValue(1)))
    if allowed.brands:
        must.append(edge.FieldCondition("brand", match=edge.MatchAny(sorted(allowed.brands))))
    if allowed.categories:
        must.append(edge.FieldCondition("categories", match=edge.MatchAny(sorted(allowed.categories))))
    if allowed.most is not None or allowed.least is not None:
        must.append(edge.FieldCondition("currency", match=edge.MatchValue(allowed.currency)))
        must.append(edge.FieldCondition("amount", range=edge.RangeFloat(gte=allowed.least, lte=allowed.most)))
    return edge.Filter(must=must)
