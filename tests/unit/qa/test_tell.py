"""One question as an event, one answer in the log, wherever a process dies on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import blake2b
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from qa_house import ANSWERS
from redis.asyncio import Redis

from chassis.kafka import Producer
from lm.generators import TemplateGenerator
from qa.answers import AnswerLog, answer_id
from qa.clients import Absent
from qa.domain.answer import Answer, Outcome
from qa.domain.dialogue import Turn
from qa.domain.identity import Person
from qa.domain.library import Library
from qa.domain.wording import TEMPLATES
from qa.stores.redis import RedisDialogues
from qa.usecases import Ask, Tell, Texts
from qa.usecases.ask import Policy
from qa.usecases.ports import Noted, Question, Told
from qa.usecases.writing import Writer

NOW = 1_700_000_000.0
KEPT = Answer("The words that were kept.", "en", Outcome.DIRECT, 0.9)


@dataclass
class Desk:
    """What a replica needs to tell."""

    tell: Tell
    dialogues: RedisDialogues
    answers: AnswerLog
    kafka: str

    async def published(self, question: Question) -> list[dict[str, Any]]:
        """Every record of its answer; other tests write other things into the log."""
        consumer = AIOKafkaConsumer(ANSWERS, bootstrap_servers=self.kafka, auto_offset_reset="earliest")
        await consumer.start()
        found, partitions = [], list(consumer.assignment())
        ends = await consumer.end_offsets(partitions)
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += [json.loads(record.value) for record in records if record.key == question.user.encode()]
        await consumer.stop()
        return [each for each in found if each["question_event_id"] == question.event_id]


@pytest.fixture
async def desk(kafka: str, redis_url: str, library: Library) -> AsyncIterator[Desk]:
    from lm.static import StaticEncoder  # noqa: PLC0415 - loaded by conftest already

    template = TemplateGenerator(TEMPLATES)
    texts, writer = Texts(StaticEncoder.load()), Writer(template, template)
    ask = Ask(library, texts, writer, Absent("NEEDS"), Absent("RECOMMENDER"), Policy(), lambda: NOW)
    redis, producer = Redis.from_url(redis_url), Producer(kafka)
    await producer.start()
    days = timedelta(days=1)
    dialogues = RedisDialogues(redis, lifetime=days, events_for=days, forgotten_for=days)
    answers = AnswerLog(producer, kafka)
    yield Desk(Tell(ask, dialogues, answers, lambda: NOW), dialogues, answers, kafka)
    await producer.stop()
    await redis.aclose()


@pytest.fixture
def question(tenant: str) -> Question:
    return Question("default", "How do I return an item?", NOW, tenant, "d", event_id=f"e-{tenant}")


async def kept(desk: Desk, question: Question) -> Told:
    """As a replica leaves it that dies before it publishes."""
    person = Person(question.tenant, question.user)
    turn = Turn(0, question.at, question.text, question.text, KEPT, question.event_id, NOW)
    assert await desk.dialogues.add(person, "d", turn) == 1
    return Told(person, "d", replace(turn, number=1))


async def test_a_question_that_comes_three_times_is_answered_once(desk: Desk, question: Question) -> None:
    for _ in range(3):
        await desk.tell(question)
    [told] = await desk.published(question)
    assert (told["event_id"], told["outcome"]) == (f"answer:{question.event_id}", "ANSWER_OUTCOME_DIRECT")


async def test_replicas_that_are_given_a_question_at_once_answer_it_once(desk: Desk, question: Question) -> None:
    await asyncio.gather(*(desk.tell(question) for _ in range(5)))
    assert len(await desk.published(question)) == 1


async def test_what_a_dead_replica_kept_is_published_in_its_words(desk: Desk, question: Question) -> None:
    await kept(desk, question)
    await desk.tell(question)
    assert [told["text"] for told in await desk.published(question)] == [KEPT.text]
    turns = (await desk.dialogues.read(Person(question.tenant, question.user), "d")).turns
    assert [turn.answer.text for turn in turns] == [KEPT.text]


async def test_what_a_dead_replica_published_is_not_published_again(desk: Desk, question: Question) -> None:
    await desk.answers.write(await kept(desk, question))
    await desk.tell(question)
    assert len(await desk.published(question)) == 1
    assert (await desk.dialogues.noted(Person(question.tenant, question.user), question.event_id)).owed is None


async def test_a_partition_that_is_taken_away_in_the_middle_stops_no_answer(desk: Desk, question: Question) -> None:
    first = asyncio.create_task(desk.tell(question))
    person = Person(question.tenant, question.user)
    while not (await desk.dialogues.noted(person, question.event_id)).seen:
        pass
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await desk.tell(question)
    assert len(await desk.published(question)) == 1


async def test_someone_forgotten_meanwhile_is_told_nothing(desk: Desk, question: Question) -> None:
    person = Person(question.tenant, question.user)
    await kept(desk, question)
    forgotten = await desk.dialogues.forget(person, NOW + 1)
    assert (forgotten.dialogues, forgotten.owed, forgotten.events) == (1, 1, 1)
    await desk.tell(question)
    assert await desk.published(question) == []
    assert (await desk.dialogues.read(person, "")).turns == ()


async def test_what_was_published_and_redis_lost_is_kept_again_as_it_was_published(
    desk: Desk, question: Question, redis_url: str
) -> None:
    person = Person(question.tenant, question.user)
    await desk.answers.write(await kept(desk, question))
    async with Redis.from_url(redis_url) as redis:  # as if it were restored to what it was before
        key = f"dialogue:{{t/default/{blake2b(question.user.encode(), digest_size=16).hexdigest()}}}"
        await redis.delete(*[each async for each in redis.scan_iter(f"{key}*")])
    await desk.tell.look_back(question.at)
    await desk.tell(question)
    assert [told["text"] for told in await desk.published(question)] == [KEPT.text]
    [turn] = (await desk.dialogues.read(person, "d")).turns
    assert (turn.answer.text, turn.answer.probability, turn.answered_at) == (KEPT.text, 0.9, NOW)
    assert await desk.dialogues.noted(person, question.event_id) == Noted(seen=True)


async def test_what_is_owed_is_published_at_the_next_start_though_the_question_does_not_come_again(
    desk: Desk, question: Question
) -> None:
    await kept(desk, question)
    await desk.tell.leftovers()
    assert [told["text"] for told in await desk.published(question)] == [KEPT.text]
    assert (await desk.dialogues.noted(Person(question.tenant, question.user), question.event_id)).owed is None


def test_ids_of_answers_differ_where_those_of_questions_do() -> None:
    ids = {answer_id("e" * 127 + end) for end in "ab"}
    assert len(ids) == 2
    assert all(len(each) <= 128 for each in ids)
