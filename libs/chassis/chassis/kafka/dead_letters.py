"""Records that can never succeed go to `<topic>.dead`, with the reason in their headers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from chassis.kafka.letters import SUFFIX, letters_of
from chassis.kafka.producer import Producer
from chassis.kafka.records import Record, Rejected, Source

LONGEST_COPY = 65_536  # bytes of an oversized value that are kept
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
        for offset in await letters_of(self._producer.bootstrap, source, first):
            self._note(source, offset)

    async def write(self, source: Source, record: Record, why: Rejected, *, attempts: int = 1) -> None:
        """Keep the record and the reason, unless that was done before, by an earlier process or an earlier try.

        A record that was sent again says in its own `dead-attempts` how often it had failed before.
        """
        if (source, record.offset) in self._written:
            return
        value, cut = record.value, {}
        if value is not None and len(value) > self._max_bytes:
            cut = {"dead-original-bytes": str(len(value))}
            value = value[:LONGEST_COPY]
        headers = {
            **{name: text for name, text in record.headers.items() if not name.startswith("dead-")},
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
            **cut,
        }
        await self._producer.send_raw(source.topic + SUFFIX, record.key, value, headers)
        self._note(source, record.offset)

    def _note(self, source: Source, offset: int) -> None:
        self._written[source, offset] = None
        if len(self._written) > _NOTED:
            del self._written[next(iter(self._written))]


def _earlier(record: Record) -> int:
    said = record.headers.get("dead-attempts", "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < _DIGITS else 0
