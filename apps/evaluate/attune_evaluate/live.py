"""The same through a running platform: histories as Kafka events into a shop of their own, offers by gRPC."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

import numpy as np

import lm.load
from attune.events.v1.clickstream_pb2 import ClickstreamEvent
from attune.events.v1.product_pb2 import Product
from attune.needs.v1.needs_pb2 import GetNeedRequest
from attune.recommender.v1 import recommender_pb2 as pb
from attune.types.v1.types_pb2 import UserRef
from attune_cli.failures import Refused
from attune_cli.services import Services, connected
from attune_evaluate.baselines import ItemKnn, Popularity
from attune_evaluate.dataset import Act, Dataset
from attune_evaluate.playing import flowing, now_and_then, play, stock
from attune_evaluate.protocols import Case, Split
from attune_evaluate.ranking import ARTICLE_SERVED, DEPTH, KNN, POPULARITY, SERVED, best
from attune_evaluate.recommending import Options, Progress, rows
from attune_evaluate.results import Board, Row
from recommender.handlers import product_of
from recommender.models import TextModels

_AT_ONCE = 8  # requests under way


async def live(data: Dataset, cut: Split, options: Options, told: Progress) -> tuple[Board, str]:
    """The figures, and the name of the shop. The platform keeps the shop: use one that is there for this alone.

    `cut`: one that was made for a platform (`split(…, live=True)`), whose statistics hold all that people ask with.
    """
    tenant = f"evaluation-{uuid.uuid4().hex[:8]}"
    first, again = cut.looking(), cut.looking(again=True)
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(connected())
        flow = await stack.enter_async_context(flowing(services, [Product, ClickstreamEvent]))
        await stock(flow, data.products, tenant, told)
        await play(flow, cut.statistics, tenant, told)
        new = await _offered(services, tenant, first, told)
        seen = await _offered(services, tenant, again, told, seen=True)
    return await _board(data, cut, options, new, seen), tenant


async def _offered(
    services: Services, tenant: str, cases: Sequence[Case], told: Progress, *, seen: bool = False
) -> dict[str, list[list[str]]]:
    """Product ids, best first, by row and case; those the person has dealt with only when `seen`."""
    gate, done = asyncio.Semaphore(_AT_ONCE), 0

    async def ask(case: Case) -> tuple[list[str], list[str]]:
        nonlocal done
        async with gate:
            user = UserRef(tenant=tenant, user_id=case.user)
            with services.needs() as needs:
                if not (await needs.GetNeed(GetNeedRequest(user=user))).need.known:
                    raise Refused(f"needs does not know {case.user}, whose events were sent: look at `attune status`")
            article = await _recommend(services, user, pb.SCORE_MODE_ARTICLE, seen=seen)
            served = await _recommend(services, user, pb.SCORE_MODE_CONDITIONED, seen=seen)
        done += 1
        now_and_then(told, "people asked", done, len(cases))
        return article, served

    answers = await asyncio.gather(*map(ask, cases))
    return {ARTICLE_SERVED: [article for article, _ in answers], SERVED: [served for _, served in answers]}


async def _recommend(services: Services, user: UserRef, mode: pb.ScoreMode.ValueType, *, seen: bool) -> list[str]:
    allowed = pb.Filter(include_out_of_stock=True, include_seen=seen)
    request = pb.RecommendRequest(user=user, k=DEPTH, mode=mode, filter=allowed)
    with services.recommender() as stub:
        return [each.product.product_id for each in (await stub.Recommend(request)).recommendations]


async def _board(
    data: Dataset, cut: Split, options: Options, new: dict[str, list[list[str]]], seen: dict[str, list[list[str]]]
) -> Board:
    places = {product.product_id: place for place, product in enumerate(data.products)}
    popularity, knn = Popularity(cut.statistics, places), ItemKnn(cut.statistics, places)
    recent = _recent(cut.asking, places)

    def made(offered: dict[str, list[list[str]]], *, again: bool) -> list[Row]:
        cases = cut.looking(again=again)
        without = [[] if again else recent[case.user] for case in cases]
        everything = np.arange(len(places))
        lists = {
            POPULARITY: [best(popularity.counts, everything, dealt) for dealt in without],
            KNN: [
                best(knn.scores(recent[case.user]), everything, dealt)
                for case, dealt in zip(cases, without, strict=True)
            ],
        }
        lists |= {name: [[places[each] for each in found] for found in all_] for name, all_ in offered.items()}
        return rows(lists, cases, places, again=again) if cases else []

    models = TextModels(lm.load.encoder(options.encoder))
    read = await models.products([product_of(product) for product in data.products])
    return Board(
        about=f"{cut.about}; through the running platform",
        rows=made(new, again=False),
        again=made(seen, again=True),
        catalogue=len(places),
        people=popularity.counts,
        vectors=np.stack([each.vector for each in read]),
        reference=SERVED,
        ids=list(places),
    )


def _recent(acts: Sequence[Act], places: Mapping[str, int]) -> dict[str, list[int]]:
    """What each person dealt with, newest first; of a product the last time counts."""
    found: dict[str, dict[int, None]] = {}
    for act in acts:
        mine = found.setdefault(act.user, {})
        mine.pop(places[act.product], None)
        mine[places[act.product]] = None
    return {user: list(mine)[::-1] for user, mine in found.items()}
