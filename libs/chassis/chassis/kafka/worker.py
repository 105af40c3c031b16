"""Takes the records of one partition through decode → handle, until each one is applied or in `.dead`."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chassis.kafka.dead_letters import DeadLetters
from chassis.kafka.progress import Progress
from chassis.kafka.records import (
    Decoded,
    Decoder,
    Record,
    Rejected,
    Rewound,
    Route,
    Slice,
    SliceDecoder,
    Source,
)
from chassis.settings import ProcessSettings
from chassis.telemetry import RECORDS, RETRIES, SLICES, log

# Outages pass by themselves: waiting is right, however long. Engines' own exceptions are told by their module.
# A database in a file that is locked or has no room left says so with an OperationalError.
_OUTAGES = (OSError, TimeoutError, asyncio.IncompleteReadError, sqlite3.OperationalError)
_SIDE_BY_SIDE = 200  # dead letters; the producer wakes everyone who waits whenever there is room for one
_ENGINES = ("redis", "neo4j", "grpc", "aiokafka", "qdrant_client", "httpx")


class Worker:
    """Applies slices of one topic. Does not return before the slice is applied, however long an outage lasts."""

    def __init__(
        self,
        route: Route[Any],
        *,
        service: str,
        settings: ProcessSettings,
        dead_letters: DeadLetters,
        progress: Progress,
    ) -> None:
        self._route, self._service, self._settings = route, service, settings
        self._dead_letters, self._progress = dead_letters, progress

    def slices(self, records: Sequence[Record]) -> Iterator[Sequence[Record]]:
        """The records in parts that are applied one after the other."""
        most = self._route.at_once or len(records)
        return (records[start : start + most] for start in range(0, len(records), most))

    async def apply_surely(self, source: Source, records: Sequence[Record], begins: int = 0) -> None:
        """Like `apply`, again and again until it worked: also when the dead letters cannot be written.

        Raises Rewound when reading must go back.
        """
        attempt = 0
        while True:
            try:
                return await self.apply(source, records, begins)
            except Rewound:
                raise
            except (Exception, asyncio.CancelledError) as error:  # the partition waits; its records are not lost
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise  # it is taken away; a client of an engine may also pass on the end of a task of its own
                attempt += 1
                log.warning("batch failed", topic=source.topic, partition=source.partition, attempt=attempt,
                            error=type(error).__name__, exc_info=None if is_outage(error) else error)  # fmt: skip
                await asyncio.sleep(self._pause(attempt))

    async def apply(self, source: Source, records: Sequence[Record], begins: int = 0) -> None:
        """Take the records in offset order; afterwards everything up to the last of them is in the sinks."""
        started = time.perf_counter()
        items, refused = self._decode(records)
        part = Slice(source, items, records[-1].offset + 1, begins)
        refused += await self._handle_until_done(part, records)
        await self._bury(source, records, refused)
        await self._progress.applied(source, part.next_offset)
        RECORDS.labels(self._service, source.topic, "applied").inc(len(records) - len(refused))
        SLICES.labels(self._service, source.topic).observe(time.perf_counter() - started)

    def _decode(self, records: Sequence[Record]) -> tuple[Sequence[Decoded[Any]], list[tuple[int, Rejected, bool]]]:
        if self._route.decode is not None:
            return self._decode_each(records, self._route.decode)
        assert self._route.decode_slice is not None, "a route has one of the two"  # noqa: S101 - a bug of ours otherwise
        most, owner = self._settings.max_record_bytes, self._route.owner
        fitting = [record for record in records if record.value is None or len(record.value) <= most]
        try:
            items, refused = self._route.decode_slice(fitting)
        except Exception as error:  # noqa: BLE001 - a record that nobody thought of must not stall its partition
            log.error("decoder failed", topic=self._route.topic, exc_info=error)
            items, refused = _decoded_one_by_one(fitting, self._route.decode_slice)
        large = [(r.offset, too_large(r, most)) for r in records if r.value is not None and len(r.value) > most]
        return items, [(offset, why, owner) for offset, why in (*refused, *large)]

    def _decode_each(
        self, records: Sequence[Record], decode: Decoder[Any]
    ) -> tuple[list[Decoded[Any]], list[tuple[int, Rejected, bool]]]:
        good: list[Decoded[Any]] = []
        bad: list[tuple[int, Rejected, bool]] = []
        for record in records:
            try:
                good.append(Decoded(record.offset, record.key or "", self._value(record, decode), record.timestamp_ms))
            except Rejected as why:
                bad.append((record.offset, why, self._route.owner))
            except Exception as error:  # noqa: BLE001 - a record that nobody thought of must not stall its partition
                log.error("decoder failed", topic=self._route.topic, offset=record.offset, exc_info=error)
                bad.append((record.offset, _broken("decoder-error", error), self._route.owner))
        return good, bad

    def _value(self, record: Record, decode: Decoder[Any]) -> Any:
        if record.value is None:
            if not record.key:
                raise Rejected("no-key", field="key", remedy="a tombstone needs the key it removes")
            return None
        if len(record.value) > self._settings.max_record_bytes:
            raise too_large(record, self._settings.max_record_bytes)
        return decode(record)

    async def _handle_until_done(self, part: Slice[Any], records: Sequence[Record]) -> list[tuple[int, Rejected, bool]]:
        attempt = 0
        while True:
            try:
                return [(offset, why, True) for offset, why in await self._route.handle(part)]
            except Rewound:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a handler raises must not lose the slice
                attempt += 1
                RETRIES.labels(self._service, part.source.topic).inc()
                log.warning("slice failed", topic=part.source.topic, partition=part.source.partition,
                            offset=part.next_offset, attempt=attempt, error=type(error).__name__,
                            exc_info=None if is_outage(error) else error)  # fmt: skip
                if not is_outage(error) and attempt >= self._settings.retries_before_isolation:
                    return await self._one_by_one(part, {record.offset: record for record in records})
                await asyncio.sleep(self._pause(attempt))

    async def _one_by_one(self, part: Slice[Any], records: Mapping[int, Record]) -> list[tuple[int, Rejected, bool]]:
        """Find the record that the handler cannot take; the others are applied.

        Its letter is written first: once the store's own offset is past it, nobody would find it again after a crash.
        """
        refused: list[tuple[int, Rejected, bool]] = []
        for index, item in enumerate(part.items):
            last = index == len(part.items) - 1
            single = Slice(part.source, [item], part.next_offset if last else item.offset + 1, part.begins)
            try:
                refused += [(offset, why, True) for offset, why in await self._route.handle(single)]
            except Exception as error:
                if isinstance(error, Rewound) or is_outage(error):
                    raise
                why = _broken("handler-error", error)
                refused.append((item.offset, why, True))
                await self._dead_letters.write(part.source, records[item.offset], why)
                await self._skip(single)
        return refused

    async def _skip(self, part: Slice[Any]) -> None:
        """Move the store's own offset past a record that it cannot take."""
        await self._route.handle(Slice(part.source, [], part.next_offset, part.begins))

    async def _bury(
        self, source: Source, records: Sequence[Record], refused: Sequence[tuple[int, Rejected, bool]]
    ) -> None:
        by_offset = {record.offset: record for record in records}
        for _, why, _ in refused:
            RECORDS.labels(self._service, source.topic, why.reason).inc()
        ours = [(by_offset[offset], why) for offset, why, owned in refused if owned]
        for start in range(0, len(ours), _SIDE_BY_SIDE):  # a flood of bad records must not cost a round trip each
            letters = ours[start : start + _SIDE_BY_SIDE]
            await asyncio.gather(*(self._dead_letters.write(source, record, why) for record, why in letters))

    def _pause(self, attempt: int) -> float:
        first, most = self._settings.retry_first.total_seconds(), self._settings.retry_most.total_seconds()
        return float(min(most, first * 2 ** (attempt - 1)))


def _decoded_one_by_one(
    records: Sequence[Record], decode_slice: SliceDecoder[Any]
) -> tuple[list[Decoded[Any]], list[tuple[int, Rejected]]]:
    """Find the record that the decoder cannot take."""
    items: list[Decoded[Any]] = []
    refused: list[tuple[int, Rejected]] = []
    for record in records:
        try:
            good, bad = decode_slice([record])
        except Exception as error:  # noqa: BLE001 - it is refused
            refused.append((record.offset, _broken("decoder-error", error)))
        else:
            items += good
            refused += bad
    return items, refused


def _broken(reason: str, error: Exception) -> Rejected:
    return Rejected(reason, value=type(error).__name__, remedy="see the log of the service")


def too_large(record: Record, most: int) -> Rejected:
    """The refusal of a record that is longer than `most` bytes."""
    size = len(record.value or b"")
    return Rejected("too-large", field="value", value=f"{size} bytes", remedy=f"send at most {most} bytes")


def is_outage(error: BaseException) -> bool:
    """Whether an engine was away, slow or refusing, so that the same work will succeed later."""
    return isinstance(error, _OUTAGES) or type(error).__module__.split(".")[0] in _ENGINES
