"""The composition root: the only place that names concrete things."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn, TypeVar
from urllib.parse import unquote, urlsplit

import lm.load
from attune.recommender.v1.recommender_pb2_grpc import add_RecommenderServiceServicer_to_server
from chassis.kafka import Consumer, Producer
from chassis.kafka.progress import Progress
from chassis.process import load, run
from chassis.rpc import GrpcServer, channel
from chassis.telemetry import configure, log
from recommender.breaker import Breaker
from recommender.clients import NeedsClient, VectorPublisher
from recommender.domain.score import coefficients
from recommender.handlers import product_of_record, routes
from recommender.models import TextModels
from recommender.policy_records import decision_of, policy_routes
from recommender.servicer import ERRORS, Recommender
from recommender.settings import Settings
from recommender.stores.qdrant_edge import EdgeProductIndex
from recommender.stores.shelf import FileShelf
from recommender.stores.sqlite import SqliteRelations
from recommender.stores.sqlite_file import FileInUse
from recommender.usecases.candidates import Candidates
from recommender.usecases.decisions import Decisions
from recommender.usecases.explain import Explain
from recommender.usecases.follow import Follow
from recommender.usecases.learn import Forget, LearnBehavior
from recommender.usecases.learn_catalog import LearnCatalog
from recommender.usecases.offer import Recommend
from recommender.usecases.policy import LearnPolicy, Policies, PolicyStore
from recommender.usecases.policy import restore as restore_policies
from recommender.usecases.ports import ProductIndex
from recommender.usecases.reach import Reach
from recommender.usecases.recommendation_text import TextSource
from recommender.usecases.relate import Drawing, Relate
from recommender.usecases.relations import Relations, RelationsAway
from recommender.usecases.restore import Restore
from recommender.usecases.resume import Resume
from recommender.usecases.search import Search
from recommender.usecases.similar import Similar
from recommender.usecases.tell_policy import TellPolicy
from recommender.usecases.understand import Understand
from recommender.usecases.world import World
from recommender.writer import TEMPLATES, GeneratorWriter

NAME = "recommender"
SERVICE = "attune.recommender.v1.RecommenderService"
_PAUSE = 1.0  # seconds between two looks for an engine at the start
T = TypeVar("T")


async def main() -> None:
    """Serve until SIGTERM or SIGINT; end with code 2 where only an operator can help."""
    settings = load(Settings)
    configure(NAME, settings.log_level)
    key = settings.generator_key.get_secret_value() if settings.generator_key else None
    try:
        models = TextModels(lm.load.encoder(settings.encoder))
        models.load()
        generator = lm.load.generator(settings.generator, TEMPLATES, key=key, timeout=settings.text_timeout)
    except (ValueError, ModuleNotFoundError) as error:
        sys.stderr.write(f"{NAME}: {error}\n")
        raise SystemExit(2) from None
    await _serve(settings, models, generator)


async def _serve(settings: Settings, models: TextModels, generator: lm.load.Engine) -> None:
    relations, kept, drawing = await _relations(settings)
    index = await _index(settings, space=models.space, dim=models.dim)
    producer = Producer(settings.kafka)
    publisher = VectorPublisher(producer, models.space)
    needs_channel = channel(settings.needs_address, name=NAME)
    needs = NeedsClient(needs_channel, Breaker(settings.needs_failures, settings.needs_pause), settings.needs_timeout)

    progress = Progress()
    restore = Restore(relations, index, models, product_of_record)

    policies = Policies()
    await _when_there(lambda: restore_policies(policies, kept, decision_of))

    async def restored() -> World:
        world = World(models.dim, lambda: FileShelf(product_of_record), policies)
        await restore(world)
        return world

    world = await _when_there(restored)
    await index.serve(world.look, list(world.shops))
    own_index = index if isinstance(index, EdgeProductIndex) else None
    follow = Follow(world, relations, models, product_of_record, restore, own_index)
    forget = Forget(world, relations)
    resume = Resume(world, relations, publisher, follow)
    catalog = LearnCatalog(world, relations, index, models, publisher)
    decisions = Decisions(world, settings.weights)
    await decisions.renew(policies.tenants())
    consumer = Consumer(
        routes(catalog, LearnBehavior(world, relations, follow), forget, follow, decisions.now),
        group="attune-recommender",
        name="recommender",
        resume=resume.offsets,
        serves_behind=True,  # from the graph in memory, with the reason in `served.fallbacks`
        holds=resume.held if relations.shared else None,  # a file of our own loses nothing while we have it open
    )
    decide = LearnPolicy(policies, kept, decisions.renew)
    decided = Consumer(policy_routes(decide, coefficients(settings.weights)), group=None, name="policies")
    understand = Understand(world, relations, needs, models, Reach(progress, relations, follow), follow)
    candidates = Candidates(index)
    text = TextSource(GeneratorWriter(generator, settings.text_timeout), index, models)
    server = GrpcServer(settings, errors=ERRORS)
    servicer = Recommender(
        world=world,
        recommend=Recommend(understand, candidates, text, models, decisions),
        similar=Similar(world, candidates, models, decisions),
        search=Search(world, understand, index, models, decisions),
        explain=Explain(world, understand, models, decisions),
        policy=TellPolicy(world, decisions),
        forget=forget,
        progress=progress,
    )
    server.add(add_RecommenderServiceServicer_to_server, servicer, SERVICE)

    background = [resume.publish_anew, follow.regularly]
    if drawing is not None:
        background.append(Relate(world, drawing, follow).regularly)
    await run(
        name=NAME,
        settings=settings,
        server=server,
        consumers=[decided, consumer],
        producer=producer,
        progress=progress,
        background=background,
        close=[needs_channel.close, generator.aclose, index.close, relations.close],
    )


async def _relations(settings: Settings) -> tuple[Relations, PolicyStore, Drawing | None]:
    url = settings.graph_url
    parts = urlsplit(url)
    if parts.scheme == "sqlite" and parts.path:
        try:
            sqlite = SqliteRelations(Path(unquote(parts.path)))
        except FileInUse as error:
            _refuse("ATTUNE_GRAPH_URL", url, str(error))
        return sqlite, sqlite.policies, None
    if parts.scheme.partition("+")[0] not in {"neo4j", "bolt"} or not parts.hostname:
        _refuse(
            "ATTUNE_GRAPH_URL", url, "write neo4j://host:port, bolt://host:port or sqlite:///absolute/path/graph.db"
        )
    # Clients of engines that run elsewhere cost a third of the start: they are loaded where there are such engines.
    from recommender.stores.neo4j import Neo4jRelations  # noqa: PLC0415
    from recommender.stores.neo4j_connection import Neo4j, WrongCredentials  # noqa: PLC0415
    from recommender.stores.neo4j_drawing import Neo4jDrawing  # noqa: PLC0415
    from recommender.stores.neo4j_policies import Neo4jPolicies  # noqa: PLC0415

    try:
        neo4j = Neo4j(url, settings.neo4j_user, settings.neo4j_password.get_secret_value())
        await _when_there(neo4j.open)
    except (ValueError, WrongCredentials) as error:
        _refuse("ATTUNE_GRAPH_URL", url, str(error))
    return Neo4jRelations(neo4j, settings.graph_timeout), Neo4jPolicies(neo4j), Neo4jDrawing(neo4j)


async def _when_there(step: Callable[[], Awaitable[T]]) -> T:
    """An engine that is away at the start is waited for: it may be starting too."""
    while True:
        try:
            return await step()
        except RelationsAway as away:
            log.warning("the start waits for the store of relations", error=str(away))
            await asyncio.sleep(_PAUSE)


async def _index(settings: Settings, *, space: str, dim: int) -> ProductIndex:
    url = settings.qdrant_url
    parts = urlsplit(url)
    if parts.scheme == "edge" and parts.path:
        return EdgeProductIndex(Path(unquote(parts.path)), space=space, dim=dim, unsorted=settings.rebuild_after)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        _refuse("ATTUNE_QDRANT_URL", url, "write edge:///absolute/path or http(s)://host:port")
    from recommender.stores import qdrant_server as qdrant  # noqa: PLC0415 - as above

    index = qdrant.ServerProductIndex(qdrant.connect(url), space=space, dim=dim)
    await index.open()
    return index


def _refuse(name: str, value: str, remedy: str) -> NoReturn:
    sys.stderr.write(f"{name}: {remedy} (given: {value!r})\n")
    raise SystemExit(2)
