"""A big shop laid into the stores of needs and recommender, and the two services over it, for benchmarks.

A million products and as many people would take hours over Kafka. They are written by the very verbs and stores that
the services are made of, in large batches, with nothing between them: `LearnCatalog` and `LearnBehavior` of the
recommender, `Learn` and `RedisProducts` of needs. What a run does afterwards comes over Kafka like in any shop.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from big_shop import NOW, Behaviors, BigShop, user_id
from redis.asyncio import Redis
from whole_platform import Platform, embedded_engines, free_port, running, until_ready

import lm.load
import needs.domain.state
import needs.usecases
from attune_embedded.plan import health_name
from chassis.kafka.identity import Lives
from needs.domain.identity import Person as NeedsPerson
from needs.domain.identity import names
from needs.domain.placement import partition_of
from needs.domain.products import Product as NeedsProduct
from needs.domain.products import ProductTable, unit_words
from needs.domain.weights import Kind, KindWeights, Recency
from needs.stores.products_redis import RedisProducts
from needs.stores.redis import RedisNeedStore
from recommender.domain.history import Done
from recommender.domain.product import Key, in_language
from recommender.domain.shop import Entry
from recommender.handlers import product_of, product_of_record
from recommender.models import TextModels, name_words
from recommender.stores.qdrant_edge import EdgeProductIndex
from recommender.stores.shelf import FileShelf
from recommender.stores.sqlite import SqliteRelations
from recommender.usecases.learn import Behavior, LearnBehavior
from recommender.usecases.learn_catalog import LearnCatalog, ProductChange
from recommender.usecases.relations import Person, Span
from recommender.usecases.world import World

PARTITIONS = 4
_PRODUCTS_AT_ONCE = 2_000
_LOG = "prepared"
_START = int(NOW.timestamp() * 1000) - 30 * 86_400_000
_KINDS = np.array([Kind.VIEW, Kind.CLICK, Kind.ADD_TO_CART, Kind.PURCHASE], dtype=np.uint8)
_DONE = (Done.SEEN, Done.SEEN, Done.WANTED, Done.WANTED | Done.BOUGHT)
_TREND = (1.0, 1.0, 3.0, 5.0)


@dataclass(frozen=True)
class Prepared:
    """A shop on disk."""

    folder: Path
    shop: BigShop
    people: int
    behaviors: int
    took: dict[str, float] = field(default_factory=dict)  # seconds of each part


class _ToNeeds:
    """A publisher that gives vectors to the store of needs instead of to the log."""

    def __init__(self, store: RedisProducts, table: ProductTable) -> None:
        self._store, self._table = store, table

    async def publish(self, entries: Sequence[Entry], gone: Sequence[Key]) -> None:
        del gone
        products = [_as_needs_see(entry) for entry in entries]
        await self._store.save(products)
        for product in products:
            self._table.put(product)


def _as_needs_see(entry: Entry) -> NeedsProduct:
    product = entry.product
    return NeedsProduct(
        tenant=product.key.tenant,
        product_id=product.key.product_id,
        vector=entry.vector,
        words=unit_words(name_words(product)),
        category=product.category,
        brand=product.brand,
        currency=product.currency,
        amount="" if product.amount is None else str(product.amount),
        attributes={name: in_language(values, "") for name, values in product.attributes if values},
    )


async def prepare(data: Path, shop: BigShop, people: int, behaviors: int) -> Prepared:
    """Lay the shop into stores below `data`, unless it lies there already."""
    folder = data / f"{shop.size}-{people}-{behaviors}-{shop.seed}-{shop.out_of_stock:g}"
    done = folder / "prepared.json"
    if done.exists():
        return Prepared(folder, shop, people, behaviors, json.loads(done.read_text()))
    took: dict[str, float] = {}
    models = TextModels(lm.load.encoder("static"))
    port = free_port()
    command = [sys.executable, "-m", "attune_embedded.redis", "--data", str(folder / "redis"), "--port", str(port)]
    with running(command, {}):
        redis = Redis.from_url(f"redis://127.0.0.1:{port}/0", socket_timeout=60)
        await _answers(redis)
        try:
            await _fill(folder, shop, models, redis, (people, behaviors), took)
            await _rewritten(redis)
        finally:
            await redis.aclose()
    done.write_text(json.dumps(took))
    return Prepared(folder, shop, people, behaviors, took)


async def _rewritten(redis: Any) -> None:
    """The append-only file holds each key once, so that a start reads it fast."""
    await redis.bgrewriteaof()
    while True:
        await asyncio.sleep(0.5)
        if not (await redis.info("persistence"))["aof_rewrite_in_progress"]:
            return


async def _fill(
    folder: Path, shop: BigShop, models: TextModels, redis: Any, counts: tuple[int, int], took: dict[str, float]
) -> None:
    relations = SqliteRelations(folder / "graph.db")
    index = EdgeProductIndex(folder / "qdrant", space=models.space, dim=models.dim)
    table = ProductTable(models.dim)
    store = RedisNeedStore(redis, dim=models.dim, space=models.space, forgotten_for=timedelta(days=30))
    await store.lay_out(PARTITIONS)
    publisher = _ToNeeds(RedisProducts(redis, dim=models.dim, space=models.space), table)
    world = World(models.dim, lambda: FileShelf(product_of_record))
    await index.serve(world.look, [])
    catalog = LearnCatalog(world, relations, index, models, publisher)
    begun = time.perf_counter()
    for start in range(0, shop.size, _PRODUCTS_AT_ONCE):
        products = [product_of(message) for message in shop.products(start, min(start + _PRODUCTS_AT_ONCE, shop.size))]
        changes = [ProductChange(start + i, product.key, product) for i, product in enumerate(products)]
        await catalog(Span(_LOG, "attune.catalog.v1", 0, start + len(changes)), changes)
    took["products"] = time.perf_counter() - begun

    learn = needs.usecases.Learn(store, table, Recency(), lambda _: None)
    behavior = LearnBehavior(world, relations, _nothing)
    begun, offset = time.perf_counter(), 0
    for chunk in shop.people(*counts):
        await _needs_learn(learn, shop, chunk, offset)
        took["needs"] = took.get("needs", 0.0) + time.perf_counter() - begun
        begun = time.perf_counter()
        await _recommender_learns(behavior, shop, chunk, offset)
        took["histories"] = took.get("histories", 0.0) + time.perf_counter() - begun
        begun = time.perf_counter()
        offset += len(chunk.people)
    begun = time.perf_counter()
    await index.built()
    took["index"] = time.perf_counter() - begun
    await index.close()
    await relations.close()


async def _needs_learn(learn: needs.usecases.Learn, shop: BigShop, chunk: Behaviors, offset: int) -> None:
    weights = KindWeights()
    users = [user_id(number) for number in chunk.people.tolist()]
    partitions = np.array([partition_of(user, PARTITIONS) for user in users])
    product_names = names(f"{shop.tenant}/{shop.product_id(number)}" for number in chunk.products.tolist())
    kinds = _KINDS[chunk.done]
    for partition in range(PARTITIONS):
        for part in np.array_split(np.flatnonzero(partitions == partition), 10):
            if not len(part):
                continue
            distinct, rows = np.unique(chunk.people[part], return_inverse=True)
            batch = needs.domain.state.Behaviors(
                offsets=offset + part,
                people=rows,
                products=product_names[part],
                kinds=kinds[part],
                times=_START + chunk.at[part],
                weights=weights.of(kinds[part], np.full(len(part), np.nan)),
                events=(1 + offset + part).astype(np.uint64),
            )
            people = [NeedsPerson(shop.tenant, user_id(number)) for number in distinct.tolist()]
            span = needs.usecases.Span(_LOG, "attune.clickstream.v1", partition, int(offset + part[-1]) + 1)
            await learn.behaviors(span, people, batch)


async def _recommender_learns(behavior: LearnBehavior, shop: BigShop, chunk: Behaviors, offset: int) -> None:
    acts = [
        Behavior(
            offset + i,
            Person(shop.tenant, user_id(person)),
            shop.product_id(product),
            _DONE[done],
            _START + at,
            _TREND[done],
            1 + offset + i,
        )
        for i, (person, product, done, at) in enumerate(
            zip(chunk.people.tolist(), chunk.products.tolist(), chunk.done.tolist(), chunk.at.tolist(), strict=True)
        )
    ]
    await behavior(Span(_LOG, "attune.clickstream.v1", 0, offset + len(acts)), acts)


async def _nothing() -> None:
    """Nobody else writes."""


async def _answers(redis: Any) -> None:
    while True:
        try:
            await redis.ping()
        except Exception:  # noqa: BLE001 - it is starting
            await asyncio.sleep(0.1)
        else:
            return


@asynccontextmanager
async def serving(
    prepared: Prepared, services: Sequence[str] = ("needs", "recommender"), **settings: str
) -> AsyncIterator[Platform]:
    """The embedded engines and the services over a prepared shop, each its own process, ready."""
    async with AsyncExitStack() as stack:
        made = stack.enter_context(embedded_engines(prepared.folder))
        redis = Redis.from_url(made.redis_url, socket_timeout=60)
        await _answers(redis)
        await redis.aclose()
        lives = Lives(made.kafka)
        log = (await lives.of(["attune.catalog.v1"]))["attune.catalog.v1"]
        await lives.close()
        relations = SqliteRelations(prepared.folder / "graph.db")
        await relations.begin_life(log)  # or it would publish every vector to the new log
        await relations.close()
        made.addresses = {name: f"127.0.0.1:{free_port()}" for name in services}
        for name, address in made.addresses.items():
            told = {
                "ATTUNE_QDRANT_URL": f"edge://{prepared.folder}/qdrant",
                "ATTUNE_GRAPH_URL": f"sqlite://{prepared.folder}/graph.db",
                "ATTUNE_GRPC_LISTEN": address,
                "ATTUNE_LOG_LEVEL": "ERROR",
                "ATTUNE_RATE_PER_TENANT": "1000000",
                "ATTUNE_RATE_BURST": "1000000",
                **settings,
            }
            run = [sys.executable, "-m", "attune_embedded.service", name]
            made.processes[name] = stack.enter_context(running(run, made.environment() | told))
        for name, address in made.addresses.items():
            begun = time.perf_counter()
            await until_ready(address, health_name(name), made.processes[name])
            made.seconds[name] = time.perf_counter() - begun
        yield made
