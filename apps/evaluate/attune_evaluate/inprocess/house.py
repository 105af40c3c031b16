"""Needs and recommender together, fed by records: what a live platform does, in one process and without engines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, cast

import lm.load
from attune.events.v1.product_pb2 import Product
from attune_evaluate.dataset import Act
from attune_evaluate.inprocess.feeding import feed
from attune_evaluate.inprocess.index import BruteForce
from attune_evaluate.inprocess.needs import NeedsInProcess
from attune_evaluate.records import clicks, products
from chassis.kafka import Producer, Record
from chassis.kafka.progress import Progress
from recommender.clients import VectorPublisher
from recommender.domain.product import Key
from recommender.domain.score import Weights
from recommender.handlers import product_of_record, routes
from recommender.models import TextModels
from recommender.stores.sqlite import SqliteRelations
from recommender.usecases.candidates import Candidates
from recommender.usecases.decisions import Decisions
from recommender.usecases.follow import Follow
from recommender.usecases.learn import Forget, LearnBehavior
from recommender.usecases.learn_catalog import LearnCatalog
from recommender.usecases.offer import Recommend
from recommender.usecases.reach import Reach
from recommender.usecases.recommendation_text import TextSource
from recommender.usecases.restore import Restore
from recommender.usecases.search import Search
from recommender.usecases.understand import Understand
from recommender.usecases.world import World
from recommender.writer import TEMPLATES, GeneratorWriter

TENANT = "evaluation"
_CATALOG, _CLICKS = "attune.catalog.v1", "attune.clickstream.v1"


class House:
    """One shop.

    What all people did together (`learn`: the graph, the trend) and what is known of each of them (`remember`: the need
    and the history) can be kept `apart`, so that a protocol may hide the end of every history from the statistics and
    still ask with it. Otherwise a history is what was learned of a person, and both are given the same acts.
    """

    def __init__(
        self, folder: Path, encoder: str = "static", weights: Weights | None = None, *, apart: bool = True
    ) -> None:
        """`folder`: an empty one, for files of SQLite."""
        engine = lm.load.encoder(encoder)
        self.world = World(engine.dim)
        self.models, self.index, self.needs = TextModels(engine), BruteForce(), NeedsInProcess(engine)
        self._offsets = count()
        self.weights = weights or Weights()
        self.decisions = Decisions(self.world, self.weights)
        self._wire = _Wire()
        publisher = VectorPublisher(cast("Producer", self._wire), self.models.space)
        self._statistics = SqliteRelations(folder / "statistics.db")
        self._routes = self._reading(self.world, self._statistics, publisher)
        self._people, self._aside, self._people_routes = self._statistics, self.world, self._routes
        if apart:
            self._people = SqliteRelations(folder / "people.db")
            self._aside = World(engine.dim)  # learns from those who ask, and is asked nothing
            self._people_routes = self._reading(self._aside, self._people, publisher)

        follow = self._follow(self.world, self._people)
        reach = Reach(Progress(), self._people, follow)
        self.understand = Understand(self.world, self._people, self.needs, self.models, reach, follow)
        self.candidates = Candidates(self.index)
        writer = GeneratorWriter(lm.load.generator("template", TEMPLATES), timedelta(seconds=1))
        text = TextSource(writer, self.index, self.models)
        self.recommend = Recommend(self.understand, self.candidates, text, self.models, self.decisions)
        self.search = Search(self.world, self.understand, self.index, self.models, self.decisions)

    async def stock(self, given: Sequence[Product]) -> None:
        """Catalogue records, through the recommender to needs."""
        await feed(self._routes[_CATALOG], products(given, TENANT, self._offsets))
        self.needs.stock(self._wire.taken())
        if self._aside is self.world:
            return
        ids = self.world.shop(TENANT).ids  # a product has the same place for those who ask
        self._aside.settle(await self._people.places([Key(TENANT, product_id) for product_id in ids]))

    async def learn(self, acts: Sequence[Act]) -> None:
        """What people did, for the graph and the trend."""
        await feed(self._routes[_CLICKS], clicks(_by_person(acts), TENANT, self._offsets))

    async def remember(self, acts: Sequence[Act]) -> None:
        """What people did, for their needs and histories."""
        ordered = _by_person(acts)
        self.needs.remember(TENANT, ordered)
        if self._aside is not self.world:
            await feed(self._people_routes[_CLICKS], clicks(ordered, TENANT, self._offsets))

    async def close(self) -> None:
        await self._statistics.close()
        if self._people is not self._statistics:
            await self._people.close()

    def _reading(self, world: World, relations: SqliteRelations, publisher: VectorPublisher) -> dict[str, Any]:
        follow = self._follow(world, relations)
        catalog = LearnCatalog(world, relations, self.index, self.models, publisher)
        forget = Forget(world, relations)
        made = routes(catalog, LearnBehavior(world, relations, follow), forget, follow, self.decisions.now)
        return {route.topic: route for route in made}

    def _follow(self, world: World, relations: SqliteRelations) -> Follow:
        restore = Restore(relations, self.index, self.models, product_of_record)
        return Follow(world, relations, self.models, product_of_record, restore)


class _Wire:
    """Takes what the recommender tells needs, as the log would."""

    def __init__(self) -> None:
        self._records: list[Record] = []
        self._offset = count()

    async def send_many(self, topic: str, messages: Sequence[tuple[str, Any]]) -> None:
        del topic
        for key, message in messages:
            value = None if message is None else message.SerializeToString()
            self._records.append(Record(next(self._offset), key, value, _PROTOBUF, 0))

    def taken(self) -> list[Record]:
        records, self._records = self._records, []
        return records


def _by_person(acts: Sequence[Act]) -> list[Act]:
    """What one person did stays in its order and comes at once: a history is read and written once, not at every act.

    Nothing depends on the order between people: a graph is a function of histories, and a trend is a sum.
    """
    return sorted(acts, key=lambda act: act.user)


_PROTOBUF = {"content-type": "application/x-protobuf"}
