"""What a small shop can answer, in both languages; and a house where the service runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from qa_house import SHOP, House

from lm.generators import TemplateGenerator
from lm.static import StaticEncoder
from qa.clients import Absent
from qa.domain.dialogue import Dialogue, Turn
from qa.domain.knowledge import Entry
from qa.domain.library import Library
from qa.domain.products import Product
from qa.domain.shelf import Shelf
from qa.domain.wording import TEMPLATES
from qa.usecases import Ask, Texts
from qa.usecases.ask import Answered, Policy
from qa.usecases.ports import Question
from qa.usecases.writing import Writer

ENCODER = StaticEncoder.load()
NOW = 1_700_000_000.0

TEAPOT = Product(
    "default",
    "teapot",
    {"en": "Mist Porcelain Teapot, 600 ml", "zh": "烟雨白瓷茶壶 600毫升"},
    {
        "care": {"en": "dishwasher safe", "zh": "可用洗碗机清洗"},
        "capacity": {"en": "600 ml", "zh": "600毫升"},
        "material": {"en": "porcelain", "zh": "白瓷"},
        "weight": {"en": "480 g", "zh": "480克"},
    },
)
AskText = Callable[..., Awaitable[Answered]]


def entries() -> list[Entry]:
    return [
        Entry(
            tenant="default",
            entry_id=f"{family}.{language}",
            family=family,
            language=language,
            question=question,
            answer=answer,
            variants=tuple(variants),
            topic=family.partition(".")[0],
            source="Help pages",
        )
        for family, languages in SHOP.items()
        for language, (question, variants, answer) in languages.items()
    ]


@pytest.fixture
def library() -> Library:
    made = Library(lambda: Shelf(Policy().weights, ENCODER.dim))
    for entry in entries():
        made.learn(entry, ENCODER.encode(entry.texts))
    made.learn_product(TEAPOT)
    return made


@pytest.fixture
def ask(library: Library) -> AskText:
    """Ask the small shop at NOW, with neighbours away or given; `after`: the conversation so far."""

    async def asked(text: str, *, after: Dialogue | None = None, **given: Any) -> Answered:
        template = TemplateGenerator(TEMPLATES)
        needs, offers = given.pop("needs", Absent("NEEDS")), given.pop("offers", Absent("RECOMMENDER"))
        writer = Writer(given.pop("generator", template), template)
        made = Ask(library, Texts(ENCODER), writer, needs, offers, Policy(), lambda: NOW)
        return await made(Question("default", text, NOW, **given), after or Dialogue(""))

    return asked


@pytest.fixture
def after(ask: AskText) -> Callable[..., Awaitable[Dialogue]]:
    """A conversation in which these were asked."""

    async def held(*questions: str) -> Dialogue:
        dialogue = Dialogue("d")
        for question in questions:
            made = await ask(question, after=dialogue)
            turn = Turn(dialogue.next_number, NOW, question, made.understood, made.answer)
            dialogue = replace(dialogue, turns=(*dialogue.turns, turn))
        return dialogue

    return held


@pytest.fixture(scope="module")
def house(kafka: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(kafka, redis_url, tmp_path_factory.mktemp("qdrant") / "with space")
    yield house
    house.stop()


@pytest.fixture
def shop(house: House, tenant: str) -> str:
    """A tenant that can answer, ready."""
    marks = [house.teach(tenant, family, language) for family in SHOP for language in SHOP[family]]
    assert not house.ask(tenant, "ready?", *marks)[-1].served.stale
    return tenant
