"""Searches with known answers, by every rung."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from attune.events.v1.product_pb2 import Product
from attune.recommender.v1 import recommender_pb2 as pb
from attune_cli.failures import BadInput
from attune_cli.services import connected
from attune_evaluate import metrics
from attune_evaluate.dataset import Dataset, Question
from attune_evaluate.inprocess.house import TENANT, House
from attune_evaluate.playing import flowing, stock
from attune_evaluate.recommending import Progress
from lm.lexical import Bm25, words
from recommender.domain.allowed import Allowed
from recommender.domain.product import Product as Searched
from recommender.domain.product import naming, telling
from recommender.handlers import product_of
from recommender.usecases.offer import Asked

_AT_ONCE = 8  # requests under way
FIRST = 10  # products of an answer that are looked at
SERVED = "Search, as it is served"
BM25, BM25_ALL = "BM25 over names", "BM25 over names and descriptions"
DENSE, SPARSE = "cosine of meaning alone", "words of the index alone"
Answers = Callable[[str], Awaitable[list[str]]]  # words → product ids, best first


@dataclass(eq=False)
class Found:
    """What one way to search found for every question."""

    name: str
    lists: Sequence[Sequence[str]]
    questions: Sequence[Question]

    def values(self, measure: Any) -> metrics.Values:
        """(questions,)."""
        pairs = zip(self.lists, self.questions, strict=True)
        return np.array([measure(ranked, question.relevant, FIRST) for ranked, question in pairs])


MEASURES = {"ndcg@10": metrics.ndcg, "mrr@10": metrics.reciprocal_rank, "recall@10": metrics.recall}


def asked(data: Dataset) -> Dataset:
    """The data set itself; raises BadInput where it has nothing to ask."""
    if not data.questions:
        raise BadInput(f"{data.name} has no questions with known answers: add queries.jsonl, or name --queries FILE")
    return data


async def offline(data: Dataset, told: Progress, encoder: str = "static") -> list[Found]:
    """Ask every question of every rung, in process."""
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder), encoder)
        try:
            told("catalogue", 0, len(data.products))
            await house.stock(data.products)
            rungs = _rungs(house)
            lists: dict[str, list[list[str]]] = {name: [] for name in rungs}
            for number, question in enumerate(data.questions):
                told("questions", number, len(data.questions))
                for name, ask in rungs.items():
                    lists[name].append(await ask(question.text))
        finally:
            await house.close()
    return [Found(name, found, data.questions) for name, found in lists.items()]


async def live(data: Dataset, told: Progress) -> tuple[list[Found], str]:
    """Ask a running platform, beside BM25; and the name of the shop, which the platform keeps."""
    tenant = f"evaluation-{uuid.uuid4().hex[:8]}"
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(connected())
        flow = await stack.enter_async_context(flowing(services, [Product]))
        await stock(flow, data.products, tenant, told)
        gate = asyncio.Semaphore(_AT_ONCE)

        async def ask(question: Question) -> list[str]:
            async with gate:
                request = pb.SearchRequest(
                    tenant=tenant, text=question.text, k=FIRST, filter=pb.Filter(include_out_of_stock=True)
                )
                with services.recommender() as stub:
                    return [each.product.product_id for each in (await stub.Search(request)).recommendations]

        served = await asyncio.gather(*map(ask, data.questions))
    products = [product_of(product) for product in data.products]
    found = [
        Found(name, [await way(question.text) for question in data.questions], data.questions)
        for name, way in ((BM25, _bm25(products, described=False)), (BM25_ALL, _bm25(products, described=True)))
    ]
    return [*found, Found(SERVED, served, data.questions)], tenant


def told(data: Dataset, found: Sequence[Found]) -> list[str]:
    """The table."""
    lines = [f"{data.name}: {len(data.products):,} products, {len(data.questions):,} questions"]
    lines.append(" " * 36 + "".join(f"{name.upper():>11}" for name in MEASURES) + "   95 % of NDCG@10")
    for each in found:
        means = [each.values(measure).mean() for measure in MEASURES.values()]
        _, low, high = metrics.interval(each.values(metrics.ndcg))
        lines.append(f"{each.name:<36}" + "".join(f"{mean:11.3f}" for mean in means) + f"   {low:.3f}–{high:.3f}")
    return lines


def form(data: Dataset, found: Sequence[Found]) -> dict[str, Any]:
    """As JSON."""
    rows = [
        {"name": each.name} | {name: round(float(each.values(m).mean()), 5) for name, m in MEASURES.items()}
        for each in found
    ]
    return {"dataset": data.name, "products": len(data.products), "questions": len(data.questions), "rows": rows}


def _rungs(house: House) -> dict[str, Answers]:
    shop = house.world.look(TENANT)
    products = [shop.at(place) for place in shop.all().tolist()]
    return {
        BM25: _bm25(products, described=False),
        BM25_ALL: _bm25(products, described=True),
        SPARSE: _sparse(house),
        DENSE: _dense(house),
        SERVED: _served(house),
    }


def _bm25(products: Sequence[Searched], *, described: bool) -> Answers:
    index = Bm25[str]()
    for product in products:
        index.add(product.key.product_id, words("\n".join([naming(product), telling(product) if described else ""])))

    async def ask(text: str) -> list[str]:
        return [found for found, _ in index.search(words(text), FIRST)]

    return ask


def _dense(house: House) -> Answers:
    async def ask(text: str) -> list[str]:
        ((vector, _),) = await house.models.texts([text])
        if not vector.any():
            return []
        shop = house.world.look(TENANT)
        return [shop.ids[place] for place in (await house.index.nearest(shop, vector, FIRST, _ALL)).places]

    return ask


def _sparse(house: House) -> Answers:
    async def ask(text: str) -> list[str]:
        ((_, asked),) = await house.models.texts([text])
        shop = house.world.look(TENANT)
        words = shop.words.sought(asked)
        return [shop.ids[place] for place in (await house.index.by_words(shop, words, FIRST, _ALL)).places]

    return ask


def _served(house: House) -> Answers:
    async def ask(text: str) -> list[str]:
        found = await house.search.by_text(TENANT, "", text, Asked(FIRST, _ALL, ""))
        return [offer.product.key.product_id for offer in found.offers]

    return ask


_ALL = Allowed(out_of_stock=True)
