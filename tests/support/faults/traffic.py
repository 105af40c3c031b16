"""A shop's producer that remembers every record Kafka acknowledged: what may not be lost, and not count twice."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from attune.types.v1.types_pb2 import Watermark

CLICKS, QUERIES, VECTORS = "attune.clickstream.v1", "attune.queries.v1", "attune.product-vectors.v1"
CATALOG, ERASURES = "attune.catalog.v1", "attune.erasures.v1"
_POLL = 0.01  # seconds


@dataclass(frozen=True, slots=True)
class Written:
    """A record that Kafka acknowledged."""

    topic: str
    partition: int
    offset: int
    key: str | None
    value: dict[str, Any] | bytes | None  # a dict went as JSON
    life: int  # of the log, counted from 1

    @property
    def place(self) -> tuple[str, int, int]:
        return self.topic, self.partition, self.offset


@dataclass
class Sender:
    """An idempotent producer (acks=all, murmur2). Records of one key are in the log in the order of `send`.

    Invariant: `written` holds what was acknowledged, `failed` what was given up; nothing is in both.
    """

    kafka: str
    life: Callable[[], int] = lambda: 1
    written: list[Written] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._producer = Producer({
            "bootstrap.servers": self.kafka, "enable.idempotence": True, "acks": "all",
            "partitioner": "murmur2_random", "message.timeout.ms": 300_000, "linger.ms": 2,
            "message.max.bytes": 4_000_000, "reconnect.backoff.max.ms": 200, "error_cb": lambda _: None,
            "log_level": 0,
        })  # fmt: skip
        self._waiting = 0
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self._poller = threading.Thread(target=self._poll, name="sender", daemon=True)
        self._poller.start()

    def send(
        self, topic: str, key: str | None, value: dict[str, Any] | bytes | None, *, partition: int = -1,
        headers: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Hand a record over; it is in `written` once Kafka has it."""
        data = json.dumps(value).encode() if isinstance(value, dict) else value

        def told(error: KafkaError | None, message: Message) -> None:
            with self._lock:
                self._waiting -= 1
                if error is None:
                    place = str(message.topic()), int(message.partition() or 0), int(message.offset() or 0)
                    self.written.append(Written(*place, key, value, self.life()))
                else:
                    self.failed.append(str(error))

        with self._lock:
            self._waiting += 1
        self._producer.produce(topic, data, key, partition, on_delivery=told,
                               headers=[(name, text.encode()) for name, text in (headers or {}).items()])  # fmt: skip

    def flush(self, seconds: float = 180.0) -> None:
        """Wait until every record is acknowledged; an error when one never was."""
        end = time.monotonic() + seconds
        while self._waiting:
            self._producer.flush(0.2)
            assert time.monotonic() < end, f"{self._waiting} records are not acknowledged after {seconds:g} s"
        assert not self.failed, f"Kafka refused records: {self.failed[:3]}"

    def marks(self, topics: Sequence[str] = (), life: int | None = None) -> list[Watermark]:
        """The last acknowledged record of each partition."""
        last: dict[tuple[str, int], int] = {}
        with self._lock:
            for record in self.written:
                if (not topics or record.topic in topics) and record.life == (life or self.life()):
                    place = record.topic, record.partition
                    last[place] = max(record.offset, last.get(place, -1))
        return [Watermark(topic=topic, partition=part, offset=at) for (topic, part), at in sorted(last.items())]

    def close(self) -> None:
        """Stop; what is not acknowledged by now is given up."""
        self._stopping.set()
        self._poller.join()
        self._producer.purge()
        self._producer.flush(1)

    def _poll(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(_POLL)


@dataclass
class Shoppers:
    """People of one shop who do things, each event with an id and a millisecond of its own."""

    sender: Sender
    tenant: str
    products: Sequence[str]
    people: int = 20
    prefix: str = "u"
    start_ms: int = field(default_factory=lambda: round(time.time() * 1000) - 3_600_000)

    def __post_init__(self) -> None:
        self._numbers = itertools.count()

    _KINDS = ("view", "view", "view", "click", "add_to_cart", "purchase", "like", "impression", "dislike", "view")

    def event(self, **changes: Any) -> dict[str, Any]:
        """The next event: person, kind and product go round in steps that share no divisor."""
        number = next(self._numbers)
        at = self.start_ms + number
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at / 1000))
        return {
            "event_id": f"{self.tenant}-{self.prefix}-{number}",
            "tenant": self.tenant,
            "user_id": f"{self.prefix}{number * 7 % self.people}",
            "kind": self._KINDS[number * 3 // self.people % len(self._KINDS)],
            "product_id": self.products[number * 11 % len(self.products)],
            "occurred_at": f"{stamp}.{at % 1000:03d}Z",
            **changes,
        }

    def act(self, count: int, *, per_second: float = 0.0, also: Callable[[int], None] | None = None) -> None:
        """Send `count` clicks, evenly at a rate or at once; one in fifty is sent twice, as by a producer in doubt."""
        started = time.monotonic()
        for number in range(count):
            event = self.event()
            self.sender.send(CLICKS, event["user_id"], event)
            if number % 50 == 49:
                self.sender.send(CLICKS, event["user_id"], event)
            if also is not None:
                also(number)
            if per_second:
                ahead = number / per_second - (time.monotonic() - started)
                if ahead > 0:
                    time.sleep(ahead)
