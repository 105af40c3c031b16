"""Records → a service's handlers, as a consumer brings them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attune_cli.failures import BadInput, told
from chassis.kafka import Decoded, Record, Rejected, Route, Slice, Source

LOG = "evaluation"  # the life of a log that exists in this process alone
AT_ONCE = 10_000  # records of a slice


async def feed(route: Route[Any], records: Sequence[Record]) -> None:
    """Raises BadInput for the first record that is refused: a data set that is half read says nothing."""
    for start in range(0, len(records), AT_ONCE):
        part = records[start : start + AT_ONCE]
        items, refused = _decoded(route, part)
        source = Source(LOG, route.topic, 0)
        refused += await route.handle(Slice(source, items, part[-1].offset + 1))
        for offset, why in refused[:1]:
            raise BadInput(f"{route.topic}, record {offset}: {told(why)}")


def _decoded(route: Route[Any], records: Sequence[Record]) -> tuple[Sequence[Decoded[Any]], list[tuple[int, Rejected]]]:
    if route.decode_slice is not None:
        items, refused = route.decode_slice(records)
        return items, list(refused)
    assert route.decode is not None, route.topic  # noqa: S101 - a route has one of the two
    found: list[Decoded[Any]] = []
    bad: list[tuple[int, Rejected]] = []
    for record in records:
        try:
            found.append(Decoded(record.offset, record.key or "", route.decode(record)))
        except Rejected as why:
            bad.append((record.offset, why))
    return found, bad
