"""A small bilingual shop, in process on real stores, and a house where the service runs on its own."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import json_format
from recommender_process import House

import lm.load
from attune.events.v1 import rule_pb2 as rules
from attune.events.v1.product_pb2 import Product as ProductMessage
from chassis.kafka.progress import Progress
from recommender.domain.allowed import Allowed
from recommender.domain.history import Done
from recommender.domain.product import Key, Position
from recommender.domain.score import Weights
from recommender.domain.shop import Entry
from recommender.handlers import product_of, product_of_record
from recommender.models import TextModels
from recommender.policy_records import rule_of
from recommender.stores.qdrant_edge import EdgeProductIndex
from recommender.stores.sqlite import SqliteRelations
from recommender.usecases.candidates import Candidates
from recommender.usecases.decisions import Decisions
from recommender.usecases.explain import Explain
from recommender.usecases.follow import Follow
from recommender.usecases.learn import Behavior, Forget, LearnBehavior
from recommender.usecases.learn_catalog import LearnCatalog, ProductChange
from recommender.usecases.offer import Asked, Recommend
from recommender.usecases.policy import LearnPolicy, PolicyChange
from recommender.usecases.ports import NeedsAway, NeedView
from recommender.usecases.reach import Reach
from recommender.usecases.recommendation_text import TextSource
from recommender.usecases.relations import Person, Relations, Span
from recommender.usecases.restore import Restore
from recommender.usecases.search import Search
from recommender.usecases.similar import Similar
from recommender.usecases.tell_policy import TellPolicy
from recommender.usecases.understand import Understand
from recommender.usecases.world import World
from recommender.writer import TEMPLATES, GeneratorWriter

MODELS = TextModels(lm.load.encoder("static"))
CATALOG, CLICKS, ERASURES = "attune.catalog.v1", "attune.clickstream.v1", "attune.erasures.v1"


def _product(product_id: str, en: str, zh: str, category: str, brand: str, amount: str, **more: Any) -> dict[str, Any]:
    title = {"en": en, "zh": zh} if zh else {"en": en}
    price = {"currency": "EUR", "amount": amount}
    return {"product_id": product_id, "title": title, "category": category, "brand": brand, "price": price, **more}


_GOES_WITH_SHOE = {"kind": "goes_with", "product_id": "shoe"}
PRODUCTS = [
    _product("kettle", "Steel tea kettle", "不锈钢水壶", "kitchen/kettles", "Ember", "39.90"),
    _product("pot", "Glass teapot", "玻璃茶壶", "kitchen/teaware", "Ember", "24.00"),
    _product("cup", "Porcelain tea cup", "", "kitchen/teaware", "Lark", "9.50"),
    _product("leaves", "Green tea leaves", "绿茶", "food/tea", "Lark", "12.00"),
    _product("tent", "Camping tent for two", "双人帐篷", "outdoor/tents", "Ridge", "149.00"),
    _product("bag", "Warm sleeping bag", "", "outdoor/sleep", "Ridge", "89.00", availability="out_of_stock"),
    _product("mat", "Camping mat", "", "outdoor/sleep", "Ridge", "35.00"),
    _product("shoe", "Trail running shoe", "", "sport", "Swift", "99.00"),
    _product(
        "sock", "Wool sock", "", "sport", "Swift", "8.00", relations=[{"kind": "goes_with", "product_id": "shoe"}]
    ),
]


@dataclass
class Told:
    """What the publisher was given."""

    entries: list[Entry] = field(default_factory=list)
    gone: list[Key] = field(default_factory=list)

    async def publish(self, entries: Sequence[Entry], gone: Sequence[Key]) -> None:
        self.entries += entries
        self.gone += gone


class Away:
    """A needs service that is not there."""

    view: NeedView | None = None

    async def need(self, person: Person, at_least: Sequence[Any], *, article: bool, whole: bool) -> NeedView:
        del person, at_least, article, whole
        if self.view is None:
            raise NeedsAway("nobody listens")
        return self.view


class InProcess:
    """The verbs on real stores in one folder."""

    def __init__(self, folder: Path, writer: Any = None, relations: Relations | None = None) -> None:
        self.relations = relations or SqliteRelations(folder / "graph.db")
        self.index = EdgeProductIndex(folder / "qdrant", space=MODELS.space, dim=MODELS.dim)
        self.world, self.told, self.needs, self.progress = World(MODELS.dim), Told(), Away(), Progress()
        self.catalog = LearnCatalog(self.world, self.relations, self.index, MODELS, self.told)
        self._restore = Restore(self.relations, self.index, MODELS, product_of_record)
        self.follow = Follow(self.world, self.relations, MODELS, product_of_record, self._restore, self.index)
        self.behavior = LearnBehavior(self.world, self.relations, self.follow)
        self.forget = Forget(self.world, self.relations)
        reach = Reach(self.progress, self.relations, self.follow)
        understand = self.understand = Understand(self.world, self.relations, self.needs, MODELS, reach, self.follow)
        candidates = Candidates(self.index)
        writer = writer or GeneratorWriter(lm.load.generator("template", TEMPLATES), timedelta(seconds=1))
        text = TextSource(writer, self.index, MODELS)
        self.now = 1_767_225_600_000  # 2026 begins
        weights = self.decisions = Decisions(self.world, Weights(), lambda: self.now)
        self.recommend = Recommend(understand, candidates, text, MODELS, weights)
        self.similar = Similar(self.world, candidates, MODELS, weights)
        self.search = Search(self.world, understand, self.index, MODELS, weights)
        self.explain = Explain(self.world, understand, MODELS, weights)
        self.policy = TellPolicy(self.world, weights)
        self._offsets, self._events = itertools.count(), itertools.count(1)

    async def restore(self) -> int:
        return await self._restore(self.world)

    async def load(self, *products: dict[str, Any], log: str = "log", offset: int | None = None) -> None:
        """Catalogue records, one slice."""
        first = next(self._offsets) if offset is None else offset
        messages = [json_format.ParseDict(_enums(each), ProductMessage()) for each in products]
        changes = [ProductChange(first + i, *_keyed(message)) for i, message in enumerate(messages)]
        await self.catalog(Span(log, CATALOG, 0, first + len(changes)), changes)
        self._offsets = itertools.count(first + len(changes))

    async def gone(self, product_id: str, offset: int) -> None:
        change = ProductChange(offset, self.catalog.find(product_id), None)
        await self.catalog(Span("log", CATALOG, 0, offset + 1), [change])

    async def do(
        self,
        user: str,
        *product_ids: str,
        done: int = Done.SEEN,
        at: int = 1000,
        log: str = "log",
        offset: int | None = None,
        weight: float = 1.0,
        events: Sequence[int] = (),
    ) -> int:
        """Clickstream records, one slice; the offset after it."""
        first = await self.relations.next_offset(log, CLICKS, 0) if offset is None else offset
        person = Person("default", user)
        named = events or [next(self._events) for _ in product_ids]
        acts = [
            Behavior(first + i, person, p, done, at + i, weight, event)
            for i, (p, event) in enumerate(zip(product_ids, named, strict=True))
        ]
        await self.behavior(Span(log, CLICKS, 0, first + len(acts)), acts)
        return first + len(acts)

    async def close(self) -> None:
        await self.index.close()
        await self.relations.close()


def _enums(given: dict[str, Any]) -> dict[str, Any]:
    if "availability" not in given:
        return given
    return {**given, "availability": f"AVAILABILITY_{given['availability'].upper()}"}


def _keyed(message: ProductMessage) -> tuple[Key, Any]:
    product = product_of(message)
    return product.key, product


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders, made once because a new shard takes two seconds: `bare`, and `full` with nine products."""
    folder = tmp_path_factory.mktemp("prepared")

    async def fill() -> None:
        await InProcess(folder / "bare").close()
        shutil.copytree(folder / "bare", folder / "full")
        full = InProcess(folder / "full")
        await full.load(*PRODUCTS)
        await full.close()

    asyncio.run(fill())
    return folder


@pytest.fixture
async def bare(prepared: Path, tmp_path: Path) -> AsyncIterator[InProcess]:
    shutil.copytree(prepared / "bare", tmp_path, dirs_exist_ok=True)
    made = InProcess(tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def shop(prepared: Path, tmp_path: Path) -> AsyncIterator[InProcess]:
    """With nine products."""
    shutil.copytree(prepared / "full", tmp_path, dirs_exist_ok=True)
    made = InProcess(tmp_path)
    await made.restore()
    yield made
    await made.close()


@pytest.fixture
def reopen() -> Callable[[Path], InProcess]:
    return InProcess


@pytest.fixture
def models() -> TextModels:
    return MODELS


@pytest.fixture
def asked() -> Callable[..., Asked]:
    def make(k: int = 5, language: str = "en", **allowed: Any) -> Asked:
        return Asked(k, Allowed(**allowed), language)

    return make


@pytest.fixture
def need() -> Callable[..., NeedView]:
    """A need made of words and products."""

    def make(text: str = "", words: dict[str, float] | None = None, **more: Any) -> NeedView:
        ((vector, _),) = asyncio.run(MODELS.texts([text])) if text else ((None, None),)
        stated = {"space": MODELS.space, "spectrum": (), "language": "", "stale": False, "by": ["needs"]}
        return NeedView(known=True, vector=vector, words=words or {}, **{**stated, **more})

    return make


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, kafka: str) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("recommender"), kafka)
    made.ready()
    yield made
    made.stop()


@pytest.fixture
def catalogue() -> list[dict[str, Any]]:
    return PRODUCTS


@pytest.fixture
def unit() -> Callable[[int], np.ndarray]:
    def make(axis: int) -> np.ndarray:
        return np.eye(MODELS.dim, dtype=np.float32)[axis]

    return make


@pytest.fixture
def ruled(shop: Any) -> Callable[..., Any]:
    """Gives the shop its rules, in the form in which they are sent."""

    offsets = itertools.count()

    async def decide(*given: dict[str, Any]) -> None:
        """In place of those it had."""
        forms = [rules.Rule(rule_id=f"r{index}") for index in range(len(given))]
        made = [rule_of(json_format.ParseDict(each, form)) for each, form in zip(given, forms, strict=True)]
        told = dict.fromkeys(rule.rule_id for rule in shop.world.policies.rules("default"))
        told |= {rule.rule_id: rule for rule in made}
        learn = LearnPolicy(shop.world.policies, shop.relations.policies, shop.decisions.renew)
        at = (Position("log", 0, offset) for offset in offsets)
        await learn([PolicyChange(next(at), name, rule, "default" if rule else "") for name, rule in told.items()])

    return decide
