"""Knowledge in a Qdrant server, which all replicas share."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from qdrant_client import AsyncQdrantClient, models

from qa.stores.codec import TEXTS, Payload, Reader, guard_point, position_of
from qa.stores.points import KEYWORDS, MARKED, SpaceMismatch, Stored, batches, gone_of, guard, marks, points
from qa.usecases.ports import Changes, Held, Span

COLLECTION = "knowledge"
TIMEOUT = 10  # seconds of a call; one that takes longer comes again with its slice
_AT_ONCE = 200  # points per request: some megabytes at 256 dimensions
_PAGE = 500
_SCHEMA: dict[str, Any] = {
    **dict.fromkeys((*KEYWORDS, "log", "space"), models.PayloadSchemaType.KEYWORD),
    "tenant": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True),
    "offset": models.PayloadSchemaType.INTEGER,
}


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


class ServerKnowledge:
    """The points of EdgeKnowledge, in a collection. Every write waits until it is applied.

    Invariants: those of EdgeKnowledge. What gives way to what is decided in the server, point by point, because
    another replica may write between a look and a write.
    """

    def __init__(
        self, client: AsyncQdrantClient, *, dim: int, space: str, clock: Callable[[], float] = time.time
    ) -> None:
        """`clock`: seconds since 1970."""
        self._client, self._dim, self._space, self._clock = client, dim, space, clock

    async def write(self, changes: Changes, span: Span) -> None:
        """See KnowledgeIndex."""
        for field, gone in gone_of(changes).items():
            held = await self._holding(field, [each.said_id for each in gone])
            await self._put(marks(field, gone, held, self._clock()))
        await self._put(points(changes, self._space))
        await self._put([guard(span)])

    async def read(self) -> Held:
        """See KnowledgeIndex. Makes the collection when it is not there; raises SpaceMismatch.

        Offsets are read first: what another replica writes meanwhile is read again from the log, never missed.
        """
        await self._make()
        guards = [record.payload or {} async for record in self._all(_equals("kind", "guard"))]
        reader = Reader(self._dim, self._space)
        async for record in self._all(None, vectors=True):
            reader.take(record.payload or {}, record.vector)
        old = models.FieldCondition(key="removed_at", range=models.Range(lt=self._clock() - MARKED))
        await self._client.delete(COLLECTION, models.FilterSelector(filter=models.Filter(must=[old])), wait=True)
        return reader.held(guards)

    async def applied(self, log: str, topic: str, partition: int) -> int | None:
        """See KnowledgeIndex."""
        for record in await self._client.retrieve(COLLECTION, [guard_point(topic, partition)], with_payload=True):
            at = position_of(record.payload or {})
            return at.offset if at.log == log else None
        return None

    async def close(self) -> None:
        """Disconnect."""
        await self._client.close()

    async def _put(self, stored: Iterable[Stored]) -> None:
        for some in batches(stored, _AT_ONCE):
            await self._client.batch_update_points(COLLECTION, [_upsert(each) for each in some], wait=True)

    async def _holding(self, field: str, ids: list[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        wanted = models.Filter(must=[models.FieldCondition(key=field, match=models.MatchAny(any=ids))])
        async for record in self._all(wanted):
            found.setdefault((record.payload or {})[field], []).append(str(record.id))
        return found

    async def _all(self, wanted: models.Filter | None, *, vectors: bool = False) -> AsyncIterator[models.Record]:
        offset: Any = None
        while True:
            records, offset = await self._client.scroll(
                COLLECTION, scroll_filter=wanted, limit=_PAGE, offset=offset, with_payload=True, with_vectors=vectors
            )
            for record in records:
                yield record
            if offset is None:
                return

    async def _make(self) -> None:
        await self._create()
        info = await self._client.get_collection(COLLECTION)
        vectors = info.config.params.vectors
        held = vectors[TEXTS].size if isinstance(vectors, dict) else 0
        if held != self._dim:
            raise SpaceMismatch(held, self._dim, f"the collection {COLLECTION}")
        for field, schema in _SCHEMA.items():
            if field not in info.payload_schema:
                await self._client.create_payload_index(COLLECTION, field, field_schema=schema, wait=True)

    async def _create(self) -> None:
        several = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
        params = models.VectorParams(
            size=self._dim,
            distance=models.Distance.DOT,
            multivector_config=several,
            on_disk=True,  # they are read once, at the start of a replica, which searches in its own memory
            hnsw_config=models.HnswConfigDiff(m=0, payload_m=0),  # the same: nobody searches here
        )
        try:
            await self._client.create_collection(COLLECTION, vectors_config={TEXTS: params}, on_disk_payload=True)
        except Exception:  # it is there, perhaps since just now: each transport says so in its own words
            if not await self._client.collection_exists(COLLECTION):
                raise


def _upsert(stored: Stored) -> models.UpsertOperation:
    """Write unless the same or something later of the same life of the log is there."""
    point = models.PointStruct(id=stored.point, vector=stored.vector, payload=stored.payload)
    return models.UpsertOperation(upsert=models.PointsList(points=[point], update_filter=_older(stored.payload)))


def _older(new: Payload) -> models.Filter:
    """`same_or_later` of the codec, turned round, in the words of the server."""
    later: list[models.Condition] = [
        models.FieldCondition(key="log", match=models.MatchValue(value=new["log"])),
        models.FieldCondition(key="offset", range=models.Range(gte=new["offset"])),
    ]
    if "space" in new:
        same = models.FieldCondition(key="space", match=models.MatchValue(value=new["space"]))
        none = models.IsEmptyCondition(is_empty=models.PayloadField(key="space"))
        later.append(models.Filter(should=[same, none]))
    return models.Filter(must_not=[models.Filter(must=later)])


def _equals(field: str, value: str) -> models.Filter:
    return models.Filter(must=[models.FieldCondition(key=field, match=models.MatchValue(value=value))])
