"""Answers → `attune.answers.v1`, and what of them is there already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from attune.events.v1.answer_pb2 import AnswerEvent, AnswerOutcome
from chassis.kafka import Producer
from qa.domain.answer import Outcome
from qa.domain.identity import Person
from qa.replies import timestamp
from qa.usecases.ports import Published, Told

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
        """See Answers. Asked for only after a crash or a failed write, so that it may take its time."""
        wanted, key = answer_id(told.turn.event_id), told.person.user.encode()
        async with aclosing(self._since(told.turn.answered_at)) as records:
            async for record in records:
                if record.key == key and _read(record.value).get("event_id") == wanted:
                    return True
        return False

    async def since(self, at: float) -> Mapping[tuple[Person, str], Published]:
        """See Answers. Asked for once after a partition was assigned."""
        found: dict[tuple[Person, str], Published] = {}
        async for record in self._since(at):
            found.update(_published(_read(record.value)))
        return found

    async def _since(self, at: float) -> AsyncGenerator[ConsumerRecord]:
        """Records from then on, where Kafka can tell, else the last 20,000 of each partition; up to the present end."""
        consumer = AIOKafkaConsumer(ANSWERS, bootstrap_servers=self._bootstrap, isolation_level="read_committed")
        await consumer.start()
        try:
            left = await _place(consumer, at)
            while left:
                for records in (await consumer.getmany(*left, timeout_ms=1_000)).values():
                    for record in records:
                        yield record
                left = {tp: end for tp, end in left.items() if await consumer.position(tp) < end}
        finally:
            await consumer.stop()


async def _place(consumer: AIOKafkaConsumer, at: float) -> dict[TopicPartition, int]:
    """Go to where it is to be read; partition → end."""
    partitions = list(consumer.assignment())  # in no group it has all
    ends, begins = await consumer.end_offsets(partitions), await consumer.beginning_offsets(partitions)
    since = max(0, round(at * 1000) - _CLOCKS)
    times = await consumer.offsets_for_times(dict.fromkeys(partitions, since))
    left = {}
    for tp, end in ends.items():
        known = times.get(tp)  # the embedded broker does not tell
        start = max(begins[tp], end - _LOOK_BACK, 0 if known is None else known.offset)
        if start < end:
            consumer.seek(tp, start)
            left[tp] = end
    return left


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


def _published(read: Mapping[str, Any]) -> dict[tuple[Person, str], Published]:
    """One answer; none where someone else wrote something else."""
    try:
        told = Published(
            datetime.fromisoformat(read["answered_at"]).timestamp(),
            str(read["text"]),
            str(read["language"]),
            Outcome(AnswerOutcome.Value(read["outcome"])),
            float(read.get("probability", 0.0)),
            frozenset(map(str, read.get("entry_ids", ()))),
        )
        return {(Person.of(read["tenant"], read["user_id"]), read["question_event_id"]): told}
    except (KeyError, ValueError, TypeError):
        return {}


def _read(value: bytes | None) -> Mapping[str, Any]:
    try:
        read = json.loads(value or b"{}")
    except ValueError:  # a record that someone else wrote
        return {}
    return read if isinstance(read, dict) else {}
