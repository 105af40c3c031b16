"""Composition root: the only file that reads the settings and names concrete things."""

from __future__ import annotations

import asyncio
import math
import sys
import time
import uuid
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis

from attune.qa.v1.qa_pb2_grpc import add_QaServiceServicer_to_server
from chassis.kafka import Consumer, Freshness, Producer, Progress
from chassis.process import load, run
from chassis.rpc import GrpcServer, channel, remaining
from chassis.telemetry import configure, log
from lm import lexical
from lm.generators import TemplateGenerator
from lm.generators.breaker import Breaker
from lm.load import Engine
from lm.load import encoder as load_encoder
from lm.load import generator as load_generator
from lm.protocols import Encoder
from qa.answers import AnswerLog
from qa.clients import Absent, Circuit, GrpcNeeds, GrpcOffers
from qa.domain.library import Library
from qa.domain.shelf import Shelf
from qa.domain.wording import TEMPLATES
from qa.handlers import PEOPLE, SHOP, PeopleHandlers, ShopHandlers
from qa.patience import PatientDialogues
from qa.questions import QuestionLog
from qa.reading import AnsweringConsumer, KeptConsumer, Reading
from qa.resume import resume_index, resume_memory, resume_people
from qa.servicer import ERRORS, SERVICE, QaServicer
from qa.settings import Settings
from qa.stores.edge import EdgeKnowledge
from qa.stores.points import SpaceMismatch
from qa.stores.redis import RedisDialogues
from qa.usecases import Ask, Forget, Keep, Learn, Recall, Respond, Tell, Texts
from qa.usecases.ask import Policy
from qa.usecases.ports import Held, KnowledgeIndex, Needs, Offers
from qa.usecases.writing import Writer

NAME = "qa"
TOPICS = (*SHOP, *PEOPLE)
_PAUSE = 1.0  # seconds between two looks for an engine that is away


class Index(KnowledgeIndex, Protocol):
    """A knowledge index that holds files or connections."""

    async def close(self) -> None: ...


async def main() -> None:
    """Serve until SIGTERM or SIGINT; end with code 2 where only an operator can help."""
    settings = load(Settings)
    configure(NAME, settings.log_level)
    try:
        encoder = await asyncio.to_thread(load_encoder, settings.encoder)
        await asyncio.to_thread(lexical.words, "不锈钢水壶")  # the dictionary now, not at the first Chinese text
        generator = load_generator(
            settings.generator, TEMPLATES, key=settings.generator_key, timeout=settings.generator_timeout
        )
        index = knowledge_index(settings.qdrant_url, encoder)
    except ValueError as error:
        sys.stderr.write(f"{NAME}: {error}\n")
        raise SystemExit(2) from None
    await _serve(settings, encoder, generator, index)


async def _serve(settings: Settings, encoder: Encoder, generator: Engine, index: Index) -> None:
    redis = Redis.from_url(settings.redis_url, socket_timeout=settings.redis_timeout.total_seconds())
    dialogues = RedisDialogues(
        redis,
        lifetime=settings.dialogue_lifetime,
        events_for=settings.events_for,
        forgotten_for=settings.forgotten_for,
    )
    policy = Policy(thresholds=settings.thresholds)
    library, texts = Library(lambda: Shelf(policy.weights, encoder.dim), settings.most_entries), Texts(encoder)
    learn, keep = Learn(library, texts), Keep(index, library, texts)
    await learn.recall(await _remembered(index))
    writer = Writer(generator, TemplateGenerator(TEMPLATES), lambda: remaining(math.inf))
    ask = Ask(library, texts, writer, _needs(settings), _offers(settings), policy, time.time)
    producer, progress = Producer(settings.kafka), Progress()
    shop = ShopHandlers(learn, keep)
    memory = Consumer(shop.of_memory(), group=None, name="memory", resume=resume_memory(learn))
    reading = Reading(memory, library)
    patient = PatientDialogues(dialogues, settings.memory_timeout, Breaker(pause=settings.breaker_pause))
    listeners = QuestionLog(producer) if settings.tell_needs else None
    respond = Respond(ask, patient, listeners, lambda: uuid.uuid4().hex, time.time)
    forget = Forget(dialogues)
    tell = Tell(ask, dialogues, AnswerLog(producer, settings.kafka), time.time)
    in_index, of_people = resume_index(keep), resume_people(dialogues)
    # Questions are answered from memory, and alone, while the index or Redis is away; the reply says so.
    kept = KeptConsumer(
        shop.of_index(),
        group=f"attune-{NAME}-knowledge",
        name="kept",
        resume=in_index,
        holds=in_index,
        serves_behind=True,
    )
    handlers = PeopleHandlers(tell, forget, dialogues, reading)
    people = AnsweringConsumer(
        handlers.routes(),
        group=f"attune-{NAME}",
        name="people",
        resume=of_people,
        holds=of_people,
        serves_behind=True,
    )
    server = GrpcServer(settings, errors=ERRORS)
    freshness = Freshness(progress, dialogues, shared=PEOPLE)
    servicer = QaServicer(
        respond, Recall(dialogues), forget, freshness, reading, space=encoder.space, topics=TOPICS, now=time.time
    )
    server.add(add_QaServiceServicer_to_server, servicer, SERVICE)
    await run(
        name=NAME,
        settings=settings,
        server=server,
        consumers=[memory, kept, people],
        producer=producer,
        progress=progress,
        background=[reading.until_done, tell.leftovers],
        close=[generator.aclose, index.close, redis.aclose],
    )


def knowledge_index(url: str, encoder: Encoder) -> Index:
    """`edge:///folder` or the URL of a Qdrant server; raises ValueError for anything else."""
    parts = urlsplit(url)
    if parts.scheme == "edge" and not parts.netloc and parts.path.startswith("/"):
        return EdgeKnowledge(Path(unquote(parts.path)), dim=encoder.dim, space=encoder.space)
    if parts.scheme in {"http", "https"} and parts.netloc:
        # Seconds of import that the embedded edition saves.
        from qa.stores.server import ServerKnowledge, connect  # noqa: PLC0415

        return ServerKnowledge(connect(url), dim=encoder.dim, space=encoder.space)
    raise ValueError(f"ATTUNE_QDRANT_URL {url!r}: write edge:///folder or http://host:port")


def _needs(settings: Settings) -> Needs:
    if not settings.needs_address:
        return Absent("ATTUNE_NEEDS_ADDRESS")
    circuit = Circuit(settings.needs_timeout, settings.breaker_pause)
    return GrpcNeeds(channel(settings.needs_address, name=NAME), circuit)


def _offers(settings: Settings) -> Offers:
    if not settings.recommender_address:
        return Absent("ATTUNE_RECOMMENDER_ADDRESS")
    circuit = Circuit(settings.recommender_timeout, settings.breaker_pause)
    return GrpcOffers(channel(settings.recommender_address, name=NAME), circuit)


async def _remembered(index: Index) -> Held:
    """What the index remembers, tried again for as long as its engine is away."""
    while True:
        try:
            return await index.read()
        except SpaceMismatch as error:
            sys.stderr.write(f"{NAME}: {error}\n")
            raise SystemExit(2) from None
        except Exception as error:  # noqa: BLE001 - the client wraps what its transport raises
            log.warning("waiting for the knowledge index", reason=f"{type(error).__name__}: {error}")
            await asyncio.sleep(_PAUSE)
