"""The same through a running platform: histories as Kafka events into a shop of their own, offers by gRPC."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
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
from attune_evaluate.dataset import Dataset
from attune_evaluate.playing import flowing, now_and_then, play, stock
from attune_evaluate.protocols import Case, Split
from attune_evaluate.ranking import ARTICLE, DEPTH, KNN, POPULARITY, best
from attune_evaluate.recommending import SERVED, Options, Progress, rows
from attune_evaluate.results import Board
from recommender.handlers import product_of
from recommender.models import TextModels

_AT_ONCE = 8  # requests under way


async def live(data: Dataset, cut: Split, options: Options, told: Progress) -> tuple[Board, str]:
    """The figures, and the name of the shop. The platform keeps the shop: use one that is there for this alone."""
    tenant = f"evaluation-{uuid.uuid4().hex[:8]}"
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(connected())
        flow = await stack.enter_async_context(flowing(services, [Product, ClickstreamEvent]))
        await stock(flow, data.products, tenant, told)
        # Where the protocol hides the end of a history from the statistics, a platform cannot: what those who ask did
        # last is one more event of theirs, and is known to all.
        await play(flow, [*cut.statistics, *cut.late], tenant, told)
        offered = await _offered(services, tenant, [case for case in cut.cases if case.wanted], told)
    return await _board(data, cut, options, offered), tenant


async def _offered(
    services: Services, tenant: str, cases: Sequence[Case], told: Progress
) -> dict[str, list[list[str]]]:
    """Product ids, best first, by row and case."""
    gate, done = asyncio.Semaphore(_AT_ONCE), 0

    async def ask(case: Case) -> tuple[list[str], list[str]]:
        nonlocal done
        async with gate:
            user = UserRef(tenant=tenant, user_id=case.user)
            with services.needs() as needs:
                if not (await needs.GetNeed(GetNeedRequest(user=user))).need.known:
                    raise Refused(f"needs does not know {case.user}, whose events were sent: look at `attune status`")
            both = [
                await _recommend(services, user, mode) for mode in (pb.SCORE_MODE_ARTICLE, pb.SCORE_MODE_CONDITIONED)
            ]
        done += 1
        now_and_then(told, "people asked", done, len(cases))
        return both[0], both[1]

    answers = await asyncio.gather(*map(ask, cases))
    return {ARTICLE: [article for article, _ in answers], SERVED: [served for _, served in answers]}


async def _recommend(services: Services, user: UserRef, mode: pb.ScoreMode.ValueType) -> list[str]:
    request = pb.RecommendRequest(user=user, k=DEPTH, mode=mode, filter=pb.Filter(include_out_of_stock=True))
    with services.recommender() as stub:
        return [each.product.product_id for each in (await stub.Recommend(request)).recommendations]


async def _board(data: Dataset, cut: Split, options: Options, offered: dict[str, list[list[str]]]) -> Board:
    places = {product.product_id: place for place, product in enumerate(data.products)}
    cases = [case for case in cut.cases if case.wanted]
    popularity, knn = Popularity(cut.statistics, places), ItemKnn(cut.statistics, places)
    recent: dict[str, dict[int, None]] = {}
    for act in cut.asking:  # the last time counts
        mine = recent.setdefault(act.user, {})
        mine.pop(places[act.product], None)
        mine[places[act.product]] = None
    everything = np.arange(len(places))
    lists: dict[str, list[list[int]]] = {POPULARITY: [], KNN: []}
    for case in cases:
        dealt = recent[case.user]
        lists[POPULARITY].append(best(popularity.counts, everything, dealt))
        lists[KNN].append(best(knn.scores(list(dealt)[::-1]), everything, dealt))
    lists |= {name: [[places[each] for each in found] for found in all_] for name, all_ in offered.items()}
    models = TextModels(lm.load.encoder(options.encoder))
    read = await models.products([product_of(product) for product in data.products])
    return Board(
        about=f"{cut.about}; through the running platform",
        rows=rows(lists, cases, [{places[p] for p in case.wanted if p in places} for case in cases]),
        again=(),
        catalogue=len(places),
        people=popularity.counts,
        vectors=np.stack([made.vector for made in read]),
        reference=SERVED,
        ids=list(places),
    )
