"""FastStream's batch subscriber, without what loses records or time in it: see decision 0014."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, Generic, TypeVar

import anyio
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import KafkaAckableMessage

from chassis.settings import ProcessSettings
from chassis.telemetry import log

M = TypeVar("M")
_POLL_MS = 500  # how long one poll waits for records; it returns as soon as there are some
_PAUSE = 0.5  # seconds after an error of the client, which goes on by itself
_BROKEN = 20.0  # seconds of nothing but errors after which it does not: an outage of Kafka is no error here
_GLANCE = 0.005  # seconds between two looks at what the client was given


class Front(Generic[M]):
    """One subscriber over several topics. `polled_at` is when the client was last asked, by the monotonic clock."""

    def __init__(self, broker: KafkaBroker, topics: list[str], group: str | None, settings: ProcessSettings,
                 listener: Any, mark: Callable[[], M]) -> None:  # fmt: skip
        """`mark` is called at the moment a poll has returned; `marked` keeps what it said, `polled` what came."""
        self._topics, self._most, self._mark = topics, settings.batch_records, mark
        self.marked = mark()
        self.polled: Mapping[TopicPartition, list[ConsumerRecord]] = {}
        self.in_hand = False  # whether records were polled and not taken yet; who takes them says so
        self.polled_at = time.monotonic()
        self._gather, self._came = settings.gather.total_seconds(), 0.0
        self._failing_since: float | None = None
        self.subscriber = broker.subscriber(
            *topics,
            group_id=group,
            batch=True,
            max_records=settings.batch_records,
            fetch_max_wait_ms=milliseconds(settings.fetch_wait.total_seconds()),
            max_partition_fetch_bytes=settings.partition_fetch_bytes,
            auto_offset_reset="earliest",
            isolation_level="read_committed",  # a record of an aborted transaction was never acknowledged
            session_timeout_ms=milliseconds(settings.session_timeout.total_seconds()),
            heartbeat_interval_ms=milliseconds(settings.session_timeout.total_seconds() / 3),
            partition_assignment_strategy=(RangePartitionAssignor,),
            listener=listener,
            ack_policy=AckPolicy.MANUAL,  # we commit ourselves, after the sinks
            parser=self._parse,
            decoder=_no_decoding,  # one bad record must not sink the batch: we decode record by record
        )
        self.subscriber.get_msg = self._poll  # type: ignore[method-assign]

    @property
    def consumer(self) -> AIOKafkaConsumer:
        """The client itself, once the broker is started."""
        consumer = self.subscriber.consumer
        assert consumer is not None, "the broker is started first"  # noqa: S101 - a bug of ours otherwise
        return consumer

    @property
    def running(self) -> bool:
        """Whether the loop that polls is alive: FastStream's ping stays green when it is not."""
        tasks = self.subscriber.tasks
        return bool(tasks) and not any(task.done() for task in tasks)

    @property
    def broken(self) -> bool:
        """Whether the client has failed for so long that it will not come back by itself."""
        return self._failing_since is not None and time.monotonic() - self._failing_since > _BROKEN

    async def everything(self) -> list[TopicPartition]:
        """What a reader without a group reads: all partitions of its topics, once the client knows them."""
        while {tp.topic for tp in self.consumer.assignment()} != set(self._topics):  # noqa: ASYNC110 - nobody tells
            await anyio.sleep(_GLANCE)
        return list(self.consumer.assignment())

    async def _poll(self, consumer: AIOKafkaConsumer) -> tuple[ConsumerRecord, ...]:
        """As FastStream's own, but it does not sleep after an empty poll and does not end on an error of one record."""
        self.polled_at = time.monotonic()
        if (early := self._came + self._gather - self.polled_at) > 0:
            await anyio.sleep(early)
        try:
            records = await consumer.getmany(timeout_ms=_POLL_MS, max_records=self._most)
        except (KafkaError, OSError, ValueError) as error:
            log.warning("reading failed", error=type(error).__name__, detail=str(error)[:200])
            self._failing_since = self._failing_since or self.polled_at
            await anyio.sleep(_PAUSE)
            return ()
        self._failing_since = None
        self.marked, self.polled, self.in_hand = self._mark(), records, bool(records)
        if records:
            self._came = time.monotonic()
        return tuple(chain(*records.values()))

    async def _parse(self, raw: tuple[ConsumerRecord, ...]) -> KafkaMessage:
        """Without looking into the records: a header that is no UTF-8 would fail the batch, and lose it."""
        return KafkaAckableMessage(body=b"", headers={}, batch_headers=[], raw_message=raw, consumer=self.consumer)


async def _no_decoding(_message: object) -> None:
    return None


def milliseconds(seconds: float) -> int:
    """At least one."""
    return max(1, round(seconds * 1000))
