"""Composition root: the only file that reads the settings and names concrete things."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiokafka.errors import KafkaError
from redis.asyncio import BlockingConnectionPool, Redis

from attune.needs.v1.needs_pb2_grpc import add_NeedsServiceServicer_to_server
from chassis.kafka import Consumer, Freshness, Producer, Progress
from chassis.process import load, run
from chassis.rpc import GrpcServer
from chassis.telemetry import configure, log
from lm import lexical
from lm.language import detect
from lm.load import encoder as load_encoder
from lm.protocols import Encoder
from needs.arrivals import Arrivals
from needs.domain.products import ProductTable
from needs.handlers import PEOPLE, PRODUCTS, Handlers, resume
from needs.layout import UnevenPartitions, partitions
from needs.servicer import ERRORS, SERVICE, NeedsServicer
from needs.settings import Settings
from needs.stores.products_redis import RedisProducts
from needs.stores.redis import PartitionsChanged, RedisNeedStore
from needs.texts import TextReader
from needs.usecases import Answer, Forget, Learn, LearnProducts, MemoryAway
from needs.watch import Bell, Watch
from needs.wishes import WishLog

NAME = "needs"
_PAUSE = 1.0  # seconds between two looks for an engine that is away
_READ_ON = 5.0  # seconds to read to the end of the product log before it is called behind
T = TypeVar("T")


async def main() -> None:
    """Serve until SIGTERM or SIGINT; end with code 2 where only an operator can help."""
    settings = load(Settings)
    configure(NAME, settings.log_level)
    try:
        encoder = await asyncio.to_thread(load_encoder, settings.encoder)
        await asyncio.to_thread(lexical.words, "不锈钢水壶")  # the dictionary now, not at the first Chinese text
        await _serve(settings, encoder)
    except (PartitionsChanged, UnevenPartitions, ValueError) as error:
        sys.stderr.write(f"{NAME}: {error}\n")
        raise SystemExit(2) from None


async def _serve(settings: Settings, encoder: Encoder) -> None:
    # A burst of reads waits for a connection, as long as for an answer, instead of opening more and more.
    seconds = settings.redis_timeout.total_seconds()
    pool = BlockingConnectionPool.from_url(
        settings.redis_url,
        max_connections=64,
        timeout=seconds,
        socket_timeout=seconds,
        driver_info=None,  # or each new connection would look on the disk for the version of the client
    )
    redis = Redis.from_pool(pool)
    store = RedisNeedStore(redis, dim=encoder.dim, space=encoder.space, forgotten_for=settings.forgotten_for)
    kept = RedisProducts(redis, dim=encoder.dim, space=encoder.space)
    table = ProductTable(encoder.dim)

    number = await _when_there(lambda: partitions(settings.kafka, PEOPLE))
    await _when_there(lambda: store.lay_out(number))
    await _when_there(lambda: _fill(table, kept))

    bell, progress = Bell(settings.watchers), Progress()
    producer = Producer(settings.kafka)
    forget = Forget(store, WishLog(producer), number, bell.ring)
    handlers = Handlers(
        learn=Learn(store, table, settings.recency, bell.ring),
        forget=forget,
        learn_products=LearnProducts(table, kept),
        products=table,
        arrivals=Arrivals(
            table,
            lambda: products.caught_up(_READ_ON),
            time.monotonic,
            wait=settings.product_wait,
            missed_for=settings.product_missed_for,
        ),
        weights=settings.kind_weights,
        language=detect,
        now=_now,
        partitions=number,
        space=encoder.space,
    )
    products = Consumer(handlers.of_products(), group=None, name="products")
    held = resume(store)
    people = Consumer(handlers.of_people(), group=f"attune-{NAME}", name="people", resume=held, holds=held)

    texts = TextReader(encoder, lexical.words)
    answer = Answer(store, texts, table, settings.recency, number, weights=settings.kind_weights, now=_now)
    watch = Watch(answer, bell, settings.watch_look)
    topics = (*PEOPLE, PRODUCTS)
    server = GrpcServer(settings, errors=ERRORS)
    freshness = Freshness(progress, store, shared=PEOPLE)
    servicer = NeedsServicer(answer, watch, forget, freshness, space=encoder.space, topics=topics, now=_now)
    server.add(add_NeedsServiceServicer_to_server, servicer, SERVICE)
    await run(
        name=NAME,
        settings=settings,
        server=server,
        consumers=[products, people],
        producer=producer,
        progress=progress,
        close=[redis.aclose],
    )


def _now() -> int:
    """Milliseconds since 1970."""
    return round(time.time() * 1000)


async def _fill(table: ProductTable, kept: RedisProducts) -> None:
    gc.disable()  # what is read holds no cycles, and looking for them takes a fifth of the time
    try:
        async for product in kept.load():
            table.put(product)
    finally:
        gc.enable()


async def _when_there(step: Callable[[], Awaitable[T]]) -> T:
    """The result of `step`, tried again for as long as its engine is away."""
    while True:
        try:
            return await step()
        except (MemoryAway, KafkaError, OSError) as away:
            log.warning("waiting", reason=f"{type(away).__name__}: {away}")
            await asyncio.sleep(_PAUSE)
