"""What recommender, content and qa must hold of a traffic, and how far each is from it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis

from attune.content.v1 import content_pb2
from attune.content.v1.content_pb2_grpc import ContentServiceStub
from attune.events.v1.clickstream_pb2 import BehaviorKind
from attune.qa.v1 import qa_pb2
from attune.qa.v1.qa_pb2_grpc import QaServiceStub
from attune.recommender.v1 import recommender_pb2
from attune.recommender.v1.recommender_pb2_grpc import RecommenderServiceStub
from attune.types.v1.types_pb2 import UserRef, Watermark
from content.stores.experiments_redis import RedisExperiments
from faults.dead_letters_read import records
from faults.needs_oracle import Difference
from faults.service import Service
from faults.waiting import patiently
from recommender.domain.trend import share
from recommender.handlers import _KINDS as WEIGHTS
from recommender.stores.neo4j import Neo4jRelations
from recommender.stores.neo4j_connection import Neo4j
from recommender.stores.sqlite import SqliteRelations
from recommender.usecases.relations import Everything, Relations

ANSWERS = "attune.answers.v1"
VARIANTS = ("a", "b")
_COUNTED = ("impressions", "clicks", "purchases")
Event = Mapping[str, Any]


def caught_up(service: Service, tenant: str, marks: Sequence[Watermark], seconds: float = 60.0) -> float:
    """Wait until a service has applied `marks`; how many seconds it took."""
    user = UserRef(tenant=tenant, user_id="nobody")
    if service.name == "recommender":
        ask, request = RecommenderServiceStub(service.channel).Recommend, recommender_pb2.RecommendRequest(
            user=user, k=1, at_least=marks
        )  # fmt: skip
        return patiently(lambda: not ask(request, timeout=4).served.stale, "recommender", seconds)
    if service.name == "content":
        tell = ContentServiceStub(service.channel).GetExperiment
        wanted = content_pb2.GetExperimentRequest(tenant=tenant, at_least=marks)
        return patiently(lambda: not tell(wanted, timeout=4).served.stale, "content", seconds)
    answer = QaServiceStub(service.channel).Ask
    question = qa_pb2.AskRequest(tenant=tenant, text="Where is my parcel?", at_least=marks)
    return patiently(lambda: not list(answer(question, timeout=4))[-1].served.stale, "qa", seconds)


def remembered(told: Mapping[str, str]) -> Everything:
    """All relations of a recommender that was `told` where they are. Of a file only once it is stopped: it is alone."""

    async def read() -> Everything:
        relations = _relations(told)
        try:
            found = await relations.everything()
            # A file tells them while it is open.
            places, trends, histories = list(found.places), list(found.trends), list(found.histories)
            return replace(found, places=places, products=(), trends=trends, histories=histories)
        finally:
            await relations.close()

    return asyncio.run(read())


def _relations(told: Mapping[str, str]) -> Relations:
    url = told["ATTUNE_GRAPH_URL"]
    if url.startswith("sqlite://"):
        return SqliteRelations(Path(unquote(urlsplit(url).path)))
    neo4j = Neo4j(url, told["ATTUNE_NEO4J_USER"], told["ATTUNE_NEO4J_PASSWORD"])
    return Neo4jRelations(neo4j, timedelta(seconds=10))


def recommender_difference(held: Everything, events: Iterable[Event], everybody: Iterable[Event]) -> Difference:
    """Histories of those who did `events`, and the trends that `everybody` made. Impressions do not count."""
    found = Difference()
    once = {event["event_id"]: event for event in events if event["kind"] != "impression"}
    all_of_them = {event["event_id"]: event for event in everybody if event["kind"] != "impression"}
    people = Counter((event["tenant"], event["user_id"]) for event in once.values())
    turns = {tuple(person): history.turns for person, history in held.histories}
    for person, wanted in people.items():
        found.count("/".join(person), {"behaviours": wanted}, {"behaviours": turns.get(person, 0)})
    names = {(key.tenant, place): key.product_id for key, place in held.places}
    trends = {(tenant, names[tenant, place]): count for tenant, place, count in held.trends}
    wanted_trends: dict[tuple[str, str], float] = {}
    for event in all_of_them.values():
        weight = WEIGHTS[BehaviorKind.Value(f"BEHAVIOR_KIND_{event['kind'].upper()}")][1]
        product = event["tenant"], event["product_id"]
        wanted_trends[product] = wanted_trends.get(product, 0.0) + share(_ms(event["occurred_at"]), weight)
    for product, sum_of in wanted_trends.items():
        if abs(trends.get(product, 0.0) - sum_of) > 1e-6 * max(1.0, sum_of):
            found.differs("/".join(product), f"trend {trends.get(product, 0.0):.4f} instead of {sum_of:.4f}")
    return found


def open_experiment(redis_url: str, tenant: str, experiment: str) -> None:
    """As Compose does when it chooses for the first time."""

    async def write() -> None:
        redis = Redis.from_url(redis_url)
        await RedisExperiments(redis, lambda: 0).open(tenant, experiment, VARIANTS)
        await redis.aclose()

    asyncio.run(write())


def content_difference(service: Service, tenant: str, experiment: str, events: Iterable[Event]) -> Difference:
    """Counts of an experiment's variants."""
    once = {event["event_id"]: event for event in events if event.get("content", {}).get("experiment_id") == experiment}
    wanted = Counter((event["content"]["variant_id"], f"{event['kind']}s") for event in once.values())
    request = content_pb2.GetExperimentRequest(tenant=tenant, experiment_id=experiment)
    reply = ContentServiceStub(service.channel).GetExperiment(request, timeout=10)
    found = Difference()
    arms = {arm.variant_id: arm for told in reply.experiments for arm in told.arms}
    for variant in VARIANTS:  # one that is not told at all has lost everything
        mine = {kind: wanted[variant, kind] for kind in _COUNTED}
        held = {kind: getattr(arms[variant], kind) if variant in arms else 0 for kind in _COUNTED}
        found.count(f"{experiment}/{variant}", mine, held)
    return found


def answers_in_log(kafka: str) -> dict[str, list[tuple[str, str]]]:
    """Id of a question's event → (id, text) of each answer."""
    answers: dict[str, list[tuple[str, str]]] = {}
    for message in records(kafka, ANSWERS):
        answer = json.loads(message.value() or b"{}")
        answers.setdefault(answer["question_event_id"], []).append((answer["event_id"], answer["text"]))
    return answers


def qa_difference(
    service: Service, answers: Mapping[str, Sequence[tuple[str, str]]], questions: Iterable[Event]
) -> Difference:
    """Every question is one turn of its conversation, and its answer in the log; it may be there again, the same."""
    found, conversations = Difference(), dict[tuple[str, str, str], list[str]]()
    asked = {question["event_id"]: question for question in questions}
    for question in asked.values():
        place = question["tenant"], question["user_id"], question["dialogue_id"]
        conversations.setdefault(place, []).append(question["text"])
    for (tenant, user, dialogue), texts in conversations.items():
        request = qa_pb2.GetDialogueRequest(user=UserRef(tenant=tenant, user_id=user), dialogue_id=dialogue)
        turns = QaServiceStub(service.channel).GetDialogue(request, timeout=10).turns
        found.count(dialogue, Counter(texts), Counter(turn.question for turn in turns))
    for event_id in asked:
        if event_id not in answers:
            found.lost += 1
            found.differs(event_id, "no answer in the log")
        elif len(set(answers[event_id])) > 1:
            found.doubled += 1
            found.differs(event_id, f"{len(set(answers[event_id]))} different answers in the log")
    return found


def _ms(stamp: str) -> int:
    return round(datetime.fromisoformat(stamp).timestamp() * 1000)
