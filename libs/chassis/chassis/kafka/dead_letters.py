"""Records that can never succeed go to `<topic>.dead`, with the reason in their headers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from chassis.kafka.letters import SUFFIX, letters_of
from chassis.kafka.producer import Producer
from chassis.kafka.records import Record, Rejected, Source

LONGEST_COPY = 65_536  # bytes of an oversized value that are kept
_LONGEST_KEY = 1_024  # characters of the key of a record that is oversized with all it has
_OVERHEAD, _PER_HEADER = 256, 16  # bytes of a record beside what it holds
_NOTED = 20_000  # letters of which it is known that they are there
_DIGITS = 7  # of a number of attempts; what is longer was not written by us


class DeadLetters:
    """Writes dead letters."""

    def __init__(
        self,
        producer: Producer,
        *,
        service: str,
        max_bytes: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._producer, self._service, self._max_bytes, self._now = producer, service, max_bytes, now
        self._written: dict[tuple[Source, int], None] = {}  # records whose letter is there; oldest first

    async def recall(self, source: Source, first: int) -> None:
        """Look up which records from offset `first` on have a letter: they come again after a crash."""
        for offset in await letters_of(self._producer.bootstrap, self._service, source, first):
            self._note(source, offset)

    async def write(self, source: Source, record: Record, why: Rejected, *, attempts: int = 1) -> None:
        """Keep the record and the reason, unless that was done before, by an earlier process or an earlier try.

        A record that was sent again says in its own `dead-attempts` how often it had failed before. What is too large
        for a letter is cut, and `dead-original-bytes` says how long the value was.
        """
        if (source, record.offset) in self._written:
            return
        key, value = record.key, record.value
        own = {name: text for name, text in record.headers.items() if not name.startswith("dead-")}
        told = self._told(source, record, why, attempts)
        whole = value is None or len(value) <= self._max_bytes
        if not whole or _size(key, value, own | told) > self._producer.max_request_bytes:
            told["dead-original-bytes"] = str(len(value or b""))
            value = None if value is None else value[:LONGEST_COPY]
        if _size(key, value, own | told) > self._producer.max_request_bytes:  # with a letter too long nothing goes on
            key, own = None if key is None else key[:_LONGEST_KEY], {}
        await self._producer.send_raw(source.topic + SUFFIX, key, value, own | told)
        self._note(source, record.offset)

    def _told(self, source: Source, record: Record, why: Rejected, attempts: int) -> dict[str, str]:
        return {
            "dead-reason": why.reason,
            "dead-field": why.field,
            "dead-value": why.value,
            "dead-remedy": why.remedy,
            "dead-service": self._service,
            "dead-topic": source.topic,
            "dead-partition": str(source.partition),
            "dead-offset": str(record.offset),
            "dead-log": source.log,
            "dead-attempts": str(attempts + _earlier(record)),
            "dead-at": self._now().isoformat(),
        }

    def _note(self, source: Source, offset: int) -> None:
        self._written[source, offset] = None
        if len(self._written) > _NOTED:
            del self._written[next(iter(self._written))]


def _earlier(record: Record) -> int:
    said = record.headers.get("dead-attempts", "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < _DIGITS else 0


def _size(key: str | None, value: bytes | None, headers: Mapping[str, str]) -> int:
    """Bytes of a record, rather too many than too few."""
    told = sum(len(name.encode()) + len(text.encode()) + _PER_HEADER for name, text in headers.items())
    return _OVERHEAD + len((key or "").encode()) + len(value or b"") + told
