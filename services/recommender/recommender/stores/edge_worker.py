"""`python -m recommender.stores.edge_worker FOLDER DIM [build]`: one shop's vectors in qdrant-edge, in a process alone.

The engine holds the GIL while it searches, writes and builds: here it keeps nobody else waiting. Frames come on
standard input, in the order in which they count; it ends when the input does.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import qdrant_edge as edge

from recommender.stores import edge_frames as frames

_DENSE = "dense"
_LATE = {"late": 1}  # in the payload of what the engine compares one by one
_AT_ONCE = 500
_PAGE = 5_000
_INDEXED_FIELDS = {  # a filter by a field without an index costs ten times as much
    "brand": edge.PayloadSchemaType.Keyword,
    "categories": edge.PayloadSchemaType.Keyword,
    "currency": edge.PayloadSchemaType.Keyword,
    "in_stock": edge.PayloadSchemaType.Integer,
    "amount": edge.PayloadSchemaType.Float,
}
# By the bytes alone: who asks has the vectors, asks for some more than wanted and orders them. So the floats on disk
# are read for a building only, and a process that answers needs no memory for them. An ef of 200 instead of the 100 it
# was built with: only then .99 of the nearest are found at 100,000 products, for .2 ms (`benchmarks/index.py`).
ROUGHLY = edge.SearchParams(hnsw_ef=200, quantization=edge.QuantizationSearchParams(rescore=False))


class Shard:
    """Points of one shop by place. Those that come after the building are marked: until the next one they are late."""

    def __init__(self, folder: Path, dim: int, *, building: bool = False) -> None:
        """Opens or creates. What was not flushed is gone after a crash."""
        self._dim, self._more = dim, {} if building else _LATE
        # Without a quantile: what it cuts off makes each cosine smaller, but not those of late points.
        int8 = edge.ScalarQuantizationConfig(type=edge.ScalarType.Int8, always_ram=True)
        config = edge.EdgeConfig(
            vectors={_DENSE: edge.EdgeVectorParams(size=dim, distance=edge.Distance.Dot, on_disk=True)},
            quantization_config=int8,
            hnsw_config=edge.HnswIndexConfig(m=16, ef_construct=100, full_scan_threshold=1_000, max_indexing_threads=1),
            max_search_threads=1,  # whoever waits beside this one needs the other core more
            wal_enabled=False,  # what is missing after a crash is told again at the start
        )
        if (folder / "edge_config.json").exists():
            self._shard = edge.EdgeShard.load(str(folder), config)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            self._shard = edge.EdgeShard.create(str(folder), config)
            for name, kind in _INDEXED_FIELDS.items():
                self._shard.update(edge.UpdateOperation.create_field_index(name, kind))

    def answer(self, asked: frames.Asked) -> frames.Told | None:
        """Do what is asked; what there is to tell."""
        match asked:
            case frames.Near():
                return self.near(asked)
            case frames.Put():
                self._put(asked)
            case frames.Drop():
                self._shard.update(edge.UpdateOperation.delete_points(list(asked.places)))
            case frames.Tell():
                return self._held()
            case frames.Build():
                self._shard.optimize()
                self._shard.flush()
                return frames.Held(b"", b"", b"")
        return None

    def near(self, asked: frames.Near, params: edge.SearchParams = ROUGHLY) -> frames.Found:
        """What is nearest."""
        request = edge.QueryRequest(
            query=edge.Query.Nearest(np.frombuffer(asked.vector, dtype="<f4").tolist(), using=_DENSE),
            filter=None if asked.narrow is None else _filter(asked.narrow),
            limit=asked.k,
            params=params,
            with_payload=False,
            with_vector=False,
        )
        return frames.Found(np.array([point.id for point in self._shard.query(request)], dtype="<i8").tobytes())

    def close(self) -> None:
        self._shard.flush()
        self._shard.close()

    def _put(self, asked: frames.Put) -> None:
        vectors = np.frombuffer(asked.vectors, dtype="<f4").reshape(-1, self._dim)
        points = [
            edge.Point(id=place, vector={_DENSE: vector.tolist()}, payload=payload | self._more)
            for place, vector, payload in zip(asked.places, vectors, asked.payloads, strict=True)
        ]
        for start in range(0, len(points), _AT_ONCE):
            self._shard.update(edge.UpdateOperation.upsert_points(points[start : start + _AT_ONCE]))

    def _held(self) -> frames.Held:
        places: list[Any] = []
        stamps: list[int] = []
        late: list[bool] = []
        offset: Any = None
        while True:
            request = edge.ScrollRequest(offset=offset, limit=_PAGE, with_payload=["stamp", *_LATE], with_vector=False)
            records, offset = self._shard.scroll(request)
            places += [record.id for record in records]
            payloads = [record.payload or {} for record in records]
            stamps += [payload["stamp"] for payload in payloads]
            late += [payload.keys() >= _LATE.keys() for payload in payloads]
            if offset is None:
                return frames.Held(
                    np.array(places, dtype="<i8").tobytes(),
                    np.array(stamps, dtype="<i8").tobytes(),
                    np.array(late, dtype=bool).tobytes(),
                )


def _filter(narrow: frames.Narrow) -> Any:
    must: list[Any] = []
    if narrow.in_stock:
        must.append(edge.FieldCondition("in_stock", match=edge.MatchValue(1)))
    if narrow.brands:
        must.append(edge.FieldCondition("brand", match=edge.MatchAny(narrow.brands)))
    if narrow.categories:
        must.append(edge.FieldCondition("categories", match=edge.MatchAny(narrow.categories)))
    if narrow.least is not None or narrow.most is not None:
        must.append(edge.FieldCondition("currency", match=edge.MatchValue(narrow.currency)))
        must.append(edge.FieldCondition("amount", range=edge.RangeFloat(gte=narrow.least, lte=narrow.most)))
    return edge.Filter(must=must)


def main() -> None:
    """Answer frames until there are no more."""
    folder, dim, building = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] == ["build"]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # its parent was told too, and closes the input
    if building:
        os.nice(19)
    given, told = sys.stdin.buffer, sys.stdout.buffer
    shard = Shard(folder, dim, building=building)
    try:
        while (frame := _read(given)) is not None:
            answer = shard.answer(frames.asked(frame))
            if answer is not None:
                body = frames.pack(answer)
                told.write(frames.LENGTH.pack(len(body)) + body)
                told.flush()
    except BrokenPipeError:  # whoever asked is gone: what is left of the answer must not be tried again at the exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), told.fileno())
    shard.close()


def _read(given: BinaryIO) -> bytes | None:
    head = given.read(frames.LENGTH.size)
    if len(head) < frames.LENGTH.size:
        return None
    (length,) = frames.LENGTH.unpack(head)
    return given.read(length)


if __name__ == "__main__":
    main()
