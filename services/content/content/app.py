"""Composition root: the only file that reads the settings and names concrete things."""

from __future__ import annotations

import asyncio
import random
import sys
import time
import uuid
from functools import partial

from redis.asyncio import Redis

from attune.content.v1.content_pb2_grpc import add_ContentServiceServicer_to_server
from chassis.kafka import Consumer, Freshness, Progress
from chassis.process import load, run
from chassis.rpc import GrpcServer, channel
from content.clients import NeedsClient, RecommenderClient
from content.handlers import TOPICS, routes
from content.reader import TextReader
from content.resume import holds, resume
from content.servicer import ERRORS, SERVICE, ContentServicer
from content.settings import Settings
from content.stores.compositions_redis import RedisCompositions
from content.stores.experiments_redis import RedisExperiments
from content.stores.positions_redis import RedisPositions
from content.stores.templates_redis import RedisTemplates
from content.stores.together import Together
from content.usecases.candidates import Candidates
from content.usecases.compose import Compose, Policy
from content.usecases.learn import Forget, GrantErasures, LearnOutcomes, LearnTemplates, TellExperiments
from content.words import load as words
from content.writer import GeneratorWriter
from lm import lexical
from lm.generators.breaker import Breaker
from lm.load import Engine
from lm.load import encoder as load_encoder
from lm.load import generator as load_generator
from lm.protocols import Encoder

NAME = "content"


async def main() -> None:
    """Serve until SIGTERM or SIGINT; end with code 2 where only an operator can help."""
    settings = load(Settings)
    key = settings.generator_key.get_secret_value() if settings.generator_key else None
    try:
        encoder = await asyncio.to_thread(load_encoder, settings.encoder)
        await asyncio.to_thread(lexical.words, "不锈钢水壶")  # the dictionary now, not at the first Chinese text
        generator = load_generator(settings.generator, words.wording(), key=key, timeout=settings.generator_timeout)
    except (ValueError, ModuleNotFoundError) as error:
        sys.stderr.write(f"{NAME}: {error}\n")
        raise SystemExit(2) from None
    await _serve(settings, encoder, generator)


async def _serve(settings: Settings, encoder: Encoder, generator: Engine) -> None:
    redis = Redis.from_url(settings.redis_url, socket_timeout=settings.redis_timeout.total_seconds())
    together, positions = Together(redis), RedisPositions(redis)
    templates, experiments = RedisTemplates(redis, together), RedisExperiments(redis, _now, together)
    compositions = RedisCompositions(
        redis, _now, lifetime=settings.compositions_kept, forgotten_for=settings.forgotten_for, together=together
    )
    needs_channel = channel(settings.needs_address, name=NAME)
    recommender_channel = channel(settings.recommender_address, name=NAME)
    reader = TextReader(encoder, lexical.words)
    writer = GeneratorWriter(generator, words.wording(), settings.generator_timeout, settings.generated)
    compose = Compose(
        products=RecommenderClient(
            recommender_channel,
            breaker=Breaker(settings.away_failures, settings.away_pause),
            timeout=settings.products_timeout,
            remembered=settings.products_remembered,
        ),
        customers=NeedsClient(
            needs_channel,
            breaker=Breaker(settings.away_failures, settings.away_pause),
            timeout=settings.needs_timeout,
        ),
        templates=templates,
        candidates=Candidates(writer, reader, words.phrases(), settings.channel_chars),
        experiments=experiments,
        compositions=compositions,
        reader=reader,
        policy=Policy(words.rules(), settings.weights, settings.marketing_channels, settings.language),
        new_id=lambda: uuid.uuid4().hex,
        now=_now,
    )
    forget, progress = Forget(compositions), Progress()
    consumer = Consumer(
        routes(
            LearnTemplates(templates, positions),
            LearnOutcomes(experiments, compositions, positions),
            GrantErasures(forget, positions),
            positions,
        ),
        group=f"attune-{NAME}",
        name=NAME,
        resume=partial(resume, positions),
        holds=partial(holds, positions),
    )
    chance = random.SystemRandom()
    server = GrpcServer(settings, errors=ERRORS)
    servicer = ContentServicer(
        compose=compose,
        experiments=TellExperiments(experiments),
        forget=forget,
        freshness=Freshness(progress, positions, shared=TOPICS),
        gaps=lambda: progress.gaps,
        topics=TOPICS,
        seed=lambda: chance.getrandbits(63),
        now=_now,
    )
    server.add(add_ContentServiceServicer_to_server, servicer, SERVICE)
    await run(
        name=NAME,
        settings=settings,
        server=server,
        consumers=[consumer],
        progress=progress,
        close=[needs_channel.close, recommender_channel.close, generator.aclose, redis.aclose],
    )


def _now() -> int:
    """Milliseconds since 1970."""
    return round(time.time() * 1000)
