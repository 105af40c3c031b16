"""Answers → `attune.answers.v1`, and what of them is there already."""

from __future__ import annotations

import hashlib
import json

from aiokafka import AIOKafkaConsumer, TopicPartition

from attune.events.v1.answer_pb2 import AnswerEvent, AnswerOutcome
from chassis.kafka import Producer
from qa.replies import timestamp
from qa.usecases.ports import Told

ANSWERS = "attune.answers.v1"
_LONGEST_ID = 128  # characters, by the contract
_LOOK_BACK = 20_000  # records of a partition that are looked through at most: some megabytes
_CLOCKS = 60_000  # ms that the clocks of a producer and of Kafka may be apart


class AnswerLog:
    """Writes answers, each the same however often it is written."""

    def __init__(self, producer: Producer, bootstrap: str) -> None:
        self._producer, self._bootstrap = producer, bootstrap

    async def write(self, told: Told) -> None:
        """See Answers."""
        await self._producer.send(ANSWERS, told.person.user, answer_event(told), form="json")

    async def holds(self, told: Told) -> bool:
        """See Answers. Reads from when it was answered on, where Kafka can tell; else the last 20,000 records.

        Asked for only after a crash or a failed write, so that it may take its time.
        """
        consumer = AIOKafkaConsumer(ANSWERS, bootstrap_servers=self._bootstrap, isolation_level="read_committed")
        await consumer.start()
        try:
            return await _find(consumer, list(consumer.assignment()), told)  # in no group it has all
        finally:
            await consumer.stop()


async def _find(consumer: AIOKafkaConsumer, partitions: list[TopicPartition], told: Told) -> bool:
    ends, begins = await consumer.end_offsets(partitions), await consumer.beginning_offsets(partitions)
    since = max(0, round(told.turn.answered_at * 1000) - _CLOCKS)
    times = await consumer.offsets_for_times(dict.fromkeys(partitions, since))
    left = {}
    for tp, end in ends.items():
        known = times.get(tp)  # the embedded broker does not tell
        start = max(begins[tp], end - _LOOK_BACK, 0 if known is None else known.offset)
        if start < end:
            consumer.seek(tp, start)
            left[tp] = end
    wanted, key = answer_id(told.turn.event_id), told.person.user.encode()
    while left:
        found = await consumer.getmany(*left, timeout_ms=1_000)
        for records in found.values():
            if any(record.key == key and _id_of(record.value) == wanted for record in records):
                return True
        for tp, end in list(left.items()):
            if await consumer.position(tp) >= end:
                del left[tp]
    return False


def answer_id(question_event_id: str) -> str:
    """`answer:` and the id of the question; a hash of it where that would be longer than an id may be."""
    plain = f"answer:{question_event_id}"
    return plain if len(plain) <= _LONGEST_ID else f"answer:{hashlib.sha256(question_event_id.encode()).hexdigest()}"


def answer_event(told: Told) -> AnswerEvent:
    """The answer as it is published."""
    turn, answer = told.turn, told.turn.answer
    return AnswerEvent(
        event_id=answer_id(turn.event_id),
        tenant=told.person.tenant,
        user_id=told.person.user,
        question_event_id=turn.event_id,
        dialogue_id=told.dialogue_id,
        answered_at=timestamp(turn.answered_at),
        outcome=AnswerOutcome.ValueType(answer.outcome),
        text=answer.text,
        language=answer.language,
        probability=answer.probability,
        entry_ids=[citation.entry_id for citation in answer.citations],
    )


def _id_of(value: bytes | None) -> str:
    try:
        read = json.loads(value or b"{}")
    except ValueError:  # a record that someone else wrote
        return ""
    return str(read.get("event_id", "")) if isinstance(read, dict) else ""
