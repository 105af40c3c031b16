"""Knowledge in qdrant-edge: the same engine as the server, in this process."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeVectorParams,
    FieldCondition,
    Filter,
    MatchAny,
    MatchValue,
    MultiVectorComparator,
    MultiVectorConfig,
    PayloadSchemaType,
    Point,
    ScrollRequest,
    UpdateOperation,
)

from chassis.disk import require_room
from qa.stores.codec import TEXTS, Reader, guard_point, position_of, same_or_later
from qa.stores.points import KEYWORDS, MARKED, SpaceMismatch, Stored, batches, gone_of, guard, marks, points
from qa.usecases.ports import Changes, Held, Span

_AT_ONCE = 100  # points per write: a larger one would hold the interpreter for longer than a question may wait
_PAGE = 1_000


class EdgeKnowledge:
    """One point per entry, per product and per partition (its offset).

    Invariants: the offset of a span is written after its entries, in the write-ahead log, so that a crash between
    them repeats the span and never skips it; a point gives way only to what was said later in the same life of the
    log, or in another one. One process per folder; call `close` before another one opens it. Writing raises OSError
    while the disk is full.
    """

    def __init__(self, folder: Path, *, dim: int, space: str, clock: Callable[[], float] = time.time) -> None:
        """`clock`: seconds since 1970. Raises SpaceMismatch."""
        self._dim, self._space, self._clock = dim, space, clock
        self._folder = folder / "knowledge"
        self._shard = _open(self._folder, dim)

    async def write(self, changes: Changes, span: Span) -> None:
        """See KnowledgeIndex."""
        for field, gone in gone_of(changes).items():
            held = self._holding(field, [each.said_id for each in gone])
            self._put(marks(field, gone, held, self._clock()))
        self._put(points(changes, self._space))
        self._put([guard(span)])

    async def read(self) -> Held:
        """See KnowledgeIndex."""
        guards = [record.payload for record in self._all(_equals("kind", "guard"))]
        reader, old = Reader(self._dim, self._space), []
        for record in self._all(None, vectors=True):
            payload = record.payload or {}
            reader.take(payload, record.vector)
            if payload.get("kind") == "gone" and payload["removed_at"] < self._clock() - MARKED:
                old.append(record.id)
        if old:
            require_room(self._folder)
            self._shard.update(UpdateOperation.delete_points(old))
        return reader.held(guards)

    async def applied(self, log: str, topic: str, partition: int) -> int | None:
        """See KnowledgeIndex."""
        for record in self._shard.retrieve([guard_point(topic, partition)], with_payload=True, with_vector=False):
            at = position_of(record.payload or {})
            return at.offset if at.log == log else None
        return None

    async def close(self) -> None:
        """Flush, and let another process open it."""
        self._shard.flush()
        self._shard.close()

    def _put(self, stored: Iterable[Stored]) -> None:
        """Write those that are newer than what is there. Nobody else writes here, so looking first is enough."""
        for some in batches(stored, _AT_ONCE):
            there = self._shard.retrieve([each.point for each in some], with_payload=True, with_vector=False)
            held = {str(record.id): record.payload or {} for record in there}
            new = [
                Point(each.point, each.vector, each.payload)
                for each in some
                if each.point not in held or not same_or_later(held[each.point], each.payload)
            ]
            if new:
                require_room(self._folder)
                self._shard.update(UpdateOperation.upsert_points(new))

    def _holding(self, field: str, ids: list[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for record in self._all(Filter(must=[FieldCondition(field, match=MatchAny(ids))])):
            found.setdefault((record.payload or {})[field], []).append(str(record.id))
        return found

    def _all(self, wanted: Filter | None, *, vectors: bool = False) -> Iterator[Any]:
        offset = None
        while True:
            request = ScrollRequest(offset=offset, limit=_PAGE, filter=wanted, with_payload=True, with_vector=vectors)
            records, offset = self._shard.scroll(request)
            yield from records
            if offset is None:
                return


def _equals(field: str, value: str) -> Filter:
    return Filter(must=[FieldCondition(field, match=MatchValue(value))])


def _open(folder: Path, dim: int) -> EdgeShard:
    config = folder / "edge_config.json"
    if config.exists():
        held = json.loads(config.read_text())["vectors"][TEXTS]["size"]
        if held != dim:
            raise SpaceMismatch(held, dim, str(folder))
        shard = EdgeShard.load(str(folder))
    else:
        folder.mkdir(parents=True, exist_ok=True)
        several = MultiVectorConfig(MultiVectorComparator.MaxSim)
        vectors = {TEXTS: EdgeVectorParams(size=dim, distance=Distance.Dot, multivector_config=several)}
        shard = EdgeShard.create(str(folder), EdgeConfig(vectors=vectors))
    there = shard.info().payload_schema  # making an index takes 0.3 s, even of nothing
    for name in KEYWORDS:
        if name not in there:
            shard.update(UpdateOperation.create_field_index(name, PayloadSchemaType.Keyword))
    return shard
