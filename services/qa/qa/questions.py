"""Questions that were asked by call → `attune.queries.v1`, so that they move a person's need as those in the log do."""

from __future__ import annotations

import asyncio

from aiokafka.errors import KafkaError

from attune.events.v1.query_pb2 import QUERY_KIND_QUESTION, QueryEvent
from chassis.kafka import Producer
from chassis.telemetry import log
from qa.decoding import ANSWERED
from qa.domain.identity import DEFAULT_TENANT
from qa.replies import timestamp
from qa.usecases.ports import Question

QUERIES = "attune.queries.v1"
_MOST = 1_000  # questions on their way; more than that is a log that is away


class QuestionLog:
    """Writes each question once, after its answer, and nobody waits for it.

    A need without a question is worth less than an answer that comes late: where the log is away, or this process ends
    in that moment, the question is answered and the need has not heard of it. The log of the process says how many.
    """

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._writing: set[asyncio.Task[None]] = set()
        self._lost = 0

    def tell(self, question: Question, dialogue_id: str, event_id: str) -> None:
        """See Listeners."""
        if len(self._writing) >= _MOST:
            self._lost += 1
            return
        writing = asyncio.create_task(self._write(question.user, _event(question, dialogue_id, event_id)))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)

    async def _write(self, user: str, event: QueryEvent) -> None:
        try:
            await self._producer.send(QUERIES, user, event, {ANSWERED: "qa"}, form="json")
        except (KafkaError, AssertionError) as away:  # the latter: the process has not reached the log yet
            self._lost += 1
            log.warning("needs did not hear of a question", error=type(away).__name__, so_far=self._lost)


def _event(question: Question, dialogue_id: str, event_id: str) -> QueryEvent:
    return QueryEvent(
        event_id=event_id,
        tenant=question.tenant or DEFAULT_TENANT,
        user_id=question.user,
        occurred_at=timestamp(question.at),
        kind=QUERY_KIND_QUESTION,
        language=question.language,
        dialogue_id=dialogue_id,
        text=question.text,
        product_id=question.product_id,
    )
