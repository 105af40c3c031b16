"""Products in a Qdrant server, which all replicas share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from qdrant_client import AsyncQdrantClient, models

from chassis.rpc import remaining
from recommender.domain.allowed import Allowed
from recommender.domain.product import Key
from recommender.domain.shop import Entry, Shop
from recommender.domain.sought import Sought
from recommender.stores.payload import DENSE, WORDS, collection, key_of, payload, point_id
from recommender.usecases.ports import Found, Indexed, Vector

TIMEOUT = 10  # seconds of a call that nobody waits for
_AT_ONCE = 200  # points per request: half a megabyte at 256 dimensions
_PAGE = 1_000
_QUANTISED_FROM = 50_000  # points: below, int8 saves no time worth its loss; from there on it halves a search
_LOOK_EVERY = 10_000  # points written between two looks at how many there are
_KEYWORD, _INTEGER, _FLOAT = (
    models.PayloadSchemaType.KEYWORD, models.PayloadSchemaType.INTEGER, models.PayloadSchemaType.FLOAT,
)  # fmt: skip
# Whatever is filtered by. Of the graphs of a field only those of a shop are built: every search names one.
_KEYWORD_ONLY = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, enable_hnsw=False)
_INDEXED_FIELDS: dict[str, models.KeywordIndexParams | models.PayloadSchemaType] = {
    "tenant": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    **dict.fromkeys(("brand", "categories", "currency", "log"), _KEYWORD_ONLY),
    "in_stock": _INTEGER,
    "amount": _FLOAT,
    "offset": _INTEGER,
}
_INT8 = models.ScalarQuantization(
    scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
)
# Without oversampling rescoring changes nothing; both say nothing to a collection that is not quantised.
_EXACTLY = models.SearchParams(quantization=models.QuantizationSearchParams(rescore=True, oversampling=2.0))


class SpaceMismatch(ValueError):
    """The collection holds vectors of another size."""

    field = "ATTUNE_ENCODER"

    def __init__(self, held: int, wanted: int, name: str) -> None:
        self.value = f"{wanted} dimensions"
        self.remedy = f"give the encoder a new name, or remove {name}: it is made anew from the log"
        super().__init__(f"{name} holds vectors of {held} dimensions, the encoder makes {wanted}; {self.remedy}")


def connect(url: str) -> AsyncQdrantClient:
    """A client that speaks gRPC: at `?grpc_port=…`, else at the port after that of the URL."""
    parts = urlsplit(url)
    named = parse_qs(parts.query).get("grpc_port", [])
    rest = parts.port or 6333
    return AsyncQdrantClient(
        url=f"{parts.scheme}://{parts.hostname}:{rest}{parts.path}",
        grpc_port=int(named[0]) if named else rest + 1,
        prefer_grpc=True,
        timeout=TIMEOUT,
        check_compatibility=False,  # it would ask, and block, before there is anyone to wait for the server
    )


class ServerProductIndex:
    """One collection per space.

    Invariant: a product gives way only to what was said at the same place or later in the same life of the log, or in
    another one. The server decides it, point by point: another replica may write between a look and a write.
    """

    def __init__(
        self, client: AsyncQdrantClient, *, space: str, dim: int, quantised_from: int = _QUANTISED_FROM
    ) -> None:
        """`quantised_from`: points from which on searches read int8 vectors first."""
        self._client, self._name, self._dim = client, collection(space), dim
        self._quantised_from, self._written, self._quantised = quantised_from, 0, False

    async def open(self) -> None:
        """Make of the collection and its indexes what is not there. Raises SpaceMismatch."""
        await self._create()
        info = await self._client.get_collection(self._name)
        vectors = info.config.params.vectors
        held = vectors[DENSE].size if isinstance(vectors, dict) else 0
        if held != self._dim:
            raise SpaceMismatch(held, self._dim, self._name)
        for field, schema in _INDEXED_FIELDS.items():
            if field not in info.payload_schema:
                await self._client.create_payload_index(self._name, field, field_schema=schema, wait=True)
        await self._quantise(info)

    async def upsert(self, entries: Sequence[Entry]) -> None:
        for start in range(0, len(entries), _AT_ONCE):
            some = [_upsert(entry) for entry in entries[start : start + _AT_ONCE]]
            await self._client.batch_update_points(self._name, some, wait=True)
        self._written += len(entries)
        if not self._quantised and self._written >= min(_LOOK_EVERY, self._quantised_from):
            self._written = 0
            await self._quantise(await self._client.get_collection(self._name))

    async def delete(self, keys: Sequence[Key]) -> None:
        for start in range(0, len(keys), _AT_ONCE):
            ids: list[Any] = [str(point_id(key)) for key in keys[start : start + _AT_ONCE]]
            await self._client.delete(self._name, models.PointIdsList(points=ids), wait=True)

    async def nearest(self, shop: Shop, vector: Vector, k: int, allowed: Allowed) -> Found:
        return await self._search(vector.tolist(), DENSE, shop, k, allowed)

    async def by_words(self, shop: Shop, words: Sought, k: int, allowed: Allowed) -> Found:
        named = shop.words.names(words)
        if not named:
            return Found(np.zeros(0, dtype=np.int64), np.zeros(0))
        sparse = models.SparseVector(indices=list(named), values=list(named.values()))
        return await self._search(sparse, WORDS, shop, k, allowed)

    async def serve(self, look: Callable[[str], Shop], tenants: Sequence[str]) -> None:
        """The server answers for all shops."""

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

    async def _create(self) -> None:
        # Only a graph per shop: one over all shops would be walked by nobody.
        graphs = models.HnswConfigDiff(m=0, payload_m=16, ef_construct=100)
        dense = models.VectorParams(size=self._dim, distance=models.Distance.DOT)  # of unit length already
        try:
            await self._client.create_collection(
                self._name,
                vectors_config={DENSE: dense},
                sparse_vectors_config={WORDS: models.SparseVectorParams(modifier=models.Modifier.IDF)},
                hnsw_config=graphs,
            )
        except Exception:  # it is there, perhaps since just now: each transport says so in its own words
            if not await self._client.collection_exists(self._name):
                raise

    async def _quantise(self, info: models.CollectionInfo) -> None:
        """From some size on int8 vectors in memory; the server builds them beside its searches."""
        self._quantised = info.config.quantization_config is not None
        if not self._quantised and (info.points_count or 0) >= self._quantised_from:
            await self._client.update_collection(self._name, quantization_config=_INT8)
            self._quantised = True

    async def _search(self, query: Any, using: str, shop: Shop, k: int, allowed: Allowed) -> Found:
        reply = await self._client.query_points(
            self._name,
            query=query,
            using=using,
            query_filter=_filter(shop.tenant, allowed),
            search_params=_EXACTLY if using == DENSE else None,
            limit=k,
            with_payload=["product_id"],
            timeout=max(1, math.ceil(remaining())),
        )
        named = [(shop.places.get(str(p.payload["product_id"])), p.score) for p in reply.points if p.payload]
        found = [(place, score) for place, score in named if place is not None]
        return Found(np.array([p for p, _ in found], dtype=np.int64), np.array([score for _, score in found]))


def _upsert(entry: Entry) -> models.UpsertOperation:
    """Write unless something later of the same life of the log is there."""
    at = entry.position
    sparse = models.SparseVector(indices=entry.words.words.tolist(), values=entry.words.weights.tolist())
    point = models.PointStruct(
        id=str(point_id(entry.product.key)),
        vector={DENSE: entry.vector.tolist(), WORDS: sparse},
        payload={**payload(entry), "log": at.log, "offset": at.offset},
    )
    later: list[models.Condition] = [
        models.FieldCondition(key="log", match=models.MatchValue(value=at.log)),
        models.FieldCondition(key="offset", range=models.Range(gt=at.offset)),
    ]
    older = models.Filter(must_not=[models.Filter(must=later)])
    return models.UpsertOperation(upsert=models.PointsList(points=[point], update_filter=older))


def _filter(tenant: str, allowed: Allowed) -> models.Filter:
    must: list[models.Condition] = [models.FieldCondition(key="tenant", match=models.MatchValue(value=tenant))]
    if not allowed.out_of_stock:
        must.append(models.FieldCondition(key="in_stock", match=models.MatchValue(value=1)))
    if allowed.brands:
        must.append(models.FieldCondition(key="brand", match=models.MatchAny(any=sorted(allowed.brands))))
    if allowed.categories:
        must.append(models.FieldCondition(key="categories", match=models.MatchAny(any=sorted(allowed.categories))))
    if allowed.most is not None or allowed.least is not None:
        limits = models.Range(gte=allowed.least, lte=allowed.most)
        must.append(models.FieldCondition(key="currency", match=models.MatchValue(value=allowed.currency)))
        must.append(models.FieldCondition(key="amount", range=limits))
    return models.Filter(must=must)
