"""Knowledge in qdrant-edge: the same engine as the server, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeVectorParams,
    MultiVectorComparator,
    MultiVectorConfig,
    Point,
    ScrollRequest,
    UpdateOperation,
)

from lm.protocols import Matrix
from qa.domain.knowledge import Entry
from qa.domain.products import Product
from qa.stores.codec import (
    entry_of,
    entry_payload,
    entry_point,
    guard_point,
    product_of,
    product_payload,
    product_point,
)
from qa.usecases.ports import Changes, Held, Span

TEXTS = "texts"  # name of the multivector: one row per phrasing, then the answer
_AT_ONCE = 100  # points per write: a larger one would hold the interpreter for longer than a question may wait


class EdgeKnowledge:
    """One point per entry, per product and per partition (its offset).

    Invariants: the offset of a span is written after its entries, in the write-ahead log, so that a crash between
    them repeats the span and never skips it. One process per folder; call `close` before another one opens it.
    """

    def __init__(self, folder: Path, *, dim: int, space: str) -> None:
        self._dim, self._space = dim, space
        self._shard = _open(folder / "knowledge", dim)

    async def write(self, changes: Changes, span: Span) -> None:
        """See KnowledgeIndex."""
        gone = [*map(entry_point, changes.gone), *map(product_point, changes.gone_products)]
        if gone:
            self._shard.update(UpdateOperation.delete_points(list(gone)))
        points = [
            Point(entry_point(entry), {TEXTS: vectors.tolist()}, entry_payload(entry, self._space))
            for entry, vectors in changes.entries
        ]
        points += [Point(product_point(each), {}, product_payload(each)) for each in changes.products]
        points.append(Point(guard_point(span.topic, span.partition), {}, guard(span)))
        for start in range(0, len(points), _AT_ONCE):
            self._shard.update(UpdateOperation.upsert_points(points[start : start + _AT_ONCE]))

    async def read(self) -> Held:
        """See KnowledgeIndex."""
        reader = Reader(self._dim, self._space)
        offset = None
        while True:
            records, offset = self._shard.scroll(
                ScrollRequest(offset=offset, limit=1_000, with_payload=True, with_vector=True)
            )
            for record in records:
                reader.take(record.payload or {}, record.vector)
            if offset is None:
                return reader.held

    async def close(self) -> None:
        """Flush, and let another process open it."""
        self._shard.flush()
        self._shard.close()


class Reader:
    """Points → what is remembered."""

    def __init__(self, dim: int, space: str) -> None:
        self._dim, self._space = dim, space
        self._entries: list[tuple[Entry, Matrix | None]] = []
        self._products: list[Product] = []
        self._applied: dict[tuple[str, int], tuple[str, int]] = {}

    def take(self, payload: dict[str, Any], vectors: Any) -> None:
        """Read one point; one of a kind we do not know is passed over."""
        kind = payload.get("kind")
        if kind == "entry":
            entry = entry_of(payload)
            self._entries.append((entry, self._rows(entry, payload["space"], vectors)))
        elif kind == "product":
            self._products.append(product_of(payload))
        elif kind == "guard":
            self._applied[payload["topic"], payload["partition"]] = (payload["log"], payload["offset"])

    @property
    def held(self) -> Held:
        """All that was taken."""
        return Held(self._entries, self._products, self._applied)

    def _rows(self, entry: Entry, space: str, vectors: Any) -> Matrix | None:
        if space != self._space or not isinstance(vectors, dict) or TEXTS not in vectors:
            return None
        rows: Matrix = np.array(vectors[TEXTS], dtype=np.float32)
        return rows if rows.shape == (len(entry.texts), self._dim) else None


def guard(span: Span) -> dict[str, Any]:
    """The offset of a partition as JSON values."""
    return {
        "kind": "guard",
        "topic": span.topic,
        "partition": span.partition,
        "log": span.log,
        "offset": span.next_offset,
    }


def _open(folder: Path, dim: int) -> EdgeShard:
    if folder.exists() and any(folder.iterdir()):
        return EdgeShard.load(str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    several = MultiVectorConfig(MultiVectorComparator.MaxSim)
    vectors = {TEXTS: EdgeVectorParams(size=dim, distance=Distance.Dot, multivector_config=several)}
    return EdgeShard.create(str(folder), EdgeConfig(vectors=vectors))
