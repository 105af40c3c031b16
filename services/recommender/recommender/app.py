"""The composition root: the only place that names concrete things."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote, urlsplit

from qdrant_client import AsyncQdrantClient

import lm.load
from attune.recommender.v1.recommender_pb2_grpc import add_RecommenderServiceServicer_to_server
from chassis.kafka import Consumer, Producer
from chassis.kafka.progress import Progress
from chassis.process import load, run
from chassis.rpc import GrpcServer, channel
from recommender.breaker import Breaker
from recommender.clients import NeedsClient, VectorPublisher
from recommender.handlers import product_of_record, routes
from recommender.models import TextModels
from recommender.servicer import ERRORS, Recommender
from recommender.settings import Settings
from recommender.stores.qdrant_edge import EdgeProductIndex
from recommender.stores.qdrant_server import ServerProductIndex
from recommender.stores.sqlite import SqliteRelations
from recommender.usecases.candidates import Candidates
from recommender.usecases.explain import Explain
from recommender.usecases.follow import Follow
from recommender.usecases.learn import Forget, LearnBehavior
from recommender.usecases.learn_catalog import LearnCatalog
from recommender.usecases.offer import Recommend, Search, Similar
from recommender.usecases.ports import ProductIndex
from recommender.usecases.reach import Reach
from recommender.usecases.recommendation_text import TextSource
from recommender.usecases.relations import Relations
from recommender.usecases.restore import Restore
from recommender.usecases.resume import Resume
from recommender.usecases.understand import Understand
from recommender.usecases.world import World
from recommender.writer import TEMPLATES, GeneratorWriter

NAME = "recommender"
SERVICE = "attune.recommender.v1.RecommenderService"


async def main() -> None:
    """Serve until SIGTERM or SIGINT; end with code 2 where only an operator can help."""
    settings = load(Settings)
    key = settings.generator_key.get_secret_value() if settings.generator_key else None
    try:
        models = TextModels(lm.load.encoder(settings.encoder))
        generator = lm.load.generator(settings.generator, TEMPLATES, key=key, timeout=settings.text_timeout)
    except (ValueError, ModuleNotFoundError) as error:
        sys.stderr.write(f"{NAME}: {error}\n")
        raise SystemExit(2) from None
    await _serve(settings, models, generator)


async def _serve(settings: Settings, models: TextModels, generator: lm.load.Engine) -> None:
    relations = _relations(settings.graph_url)
    index = await _index(settings.qdrant_url, space=models.space, dim=models.dim)
    producer = Producer(settings.kafka)
    publisher = VectorPublisher(producer, models.space)
    needs_channel = channel(settings.needs_address, name=NAME)
    needs = NeedsClient(needs_channel, Breaker(settings.needs_failures, settings.needs_pause), settings.needs_timeout)

    world, progress = World(models.dim), Progress()
    restore = Restore(relations, index, models, product_of_record)
    await restore(world)
    follow = Follow(world, relations, models, product_of_record, restore)
    forget = Forget(world, relations)
    resume = Resume(world, relations, publisher, follow)
    catalog = LearnCatalog(world, relations, index, models, publisher)
    consumer = Consumer(
        routes(catalog, LearnBehavior(world, relations, follow), forget),
        group="attune-recommender",
        name="recommender",
        resume=resume.offsets,
    )
    understand = Understand(world, relations, needs, models, Reach(progress, relations, follow), follow)
    candidates = Candidates(index)
    text = TextSource(GeneratorWriter(generator, settings.text_timeout), index, models)
    server = GrpcServer(settings, errors=ERRORS)
    servicer = Recommender(
        world=world,
        recommend=Recommend(understand, candidates, text, models, settings.weights),
        similar=Similar(world, candidates, models),
        search=Search(world, understand, candidates, models),
        explain=Explain(world, understand, models, settings.weights),
        forget=forget,
        progress=progress,
    )
    server.add(add_RecommenderServiceServicer_to_server, servicer, SERVICE)

    await run(
        name=NAME,
        settings=settings,
        server=server,
        consumers=[consumer],
        producer=producer,
        progress=progress,
        background=[resume.publish_anew, follow.regularly],
        close=[needs_channel.close, generator.aclose, index.close, relations.close],
    )


def _relations(url: str) -> Relations:
    parts = urlsplit(url)
    if parts.scheme.partition("+")[0] in {"neo4j", "bolt"}:
        _refuse(
            "ATTUNE_GRAPH_URL", url, "this release does not speak to Neo4j yet; write sqlite:///absolute/path/graph.db"
        )
    if parts.scheme != "sqlite" or not parts.path:
        _refuse("ATTUNE_GRAPH_URL", url, "write sqlite:///absolute/path/graph.db")
    return SqliteRelations(Path(unquote(parts.path)))


async def _index(url: str, *, space: str, dim: int) -> ProductIndex:
    parts = urlsplit(url)
    if parts.scheme == "edge" and parts.path:
        return EdgeProductIndex(Path(unquote(parts.path)), space=space, dim=dim)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        _refuse("ATTUNE_QDRANT_URL", url, "write edge:///absolute/path or http(s)://host:port")
    index = ServerProductIndex(AsyncQdrantClient(url=url), space=space, dim=dim)
    await index.open()
    return index


def _refuse(name: str, value: str, remedy: str) -> NoReturn:
    sys.stderr.write(f"{name}: {remedy} (given: {value!r})\n")
    raise SystemExit(2)
