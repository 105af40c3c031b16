"""gRPC requests → verbs. They translate and decide nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import grpc
import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from attune.events.v1.product_pb2 import Product as ProductMessage
from attune.events.v1.ranker_pb2 import RankerRecord
from attune.events.v1.rule_pb2 import Rule as RuleMessage
from attune.recommender.v1 import recommender_pb2 as pb
from attune.recommender.v1.recommender_pb2_grpc import RecommenderServiceServicer
from attune.types.v1 import types_pb2 as types
from chassis.kafka import Position
from chassis.kafka.progress import Progress
from chassis.rpc.errors import ErrorTable
from recommender.domain.allowed import Allowed
from recommender.domain.errors import ForeignSpace, ImpossiblePrice, UnknownProduct, UnusableVector
from recommender.domain.kinship import COMPLEMENT, SUBSTITUTE
from recommender.domain.policy import SHIPPED, SenselessRule
from recommender.domain.price import Price, between
from recommender.domain.product import DEFAULT_TENANT, Key
from recommender.domain.rules import Rule
from recommender.domain.score import Mode, Scored
from recommender.policy_records import CONTEXTS, rule_of
from recommender.told_reading import write_reading
from recommender.usecases.explain import Explain
from recommender.usecases.learn import Forget
from recommender.usecases.offer import Asked, Offer, Offers, Recommend
from recommender.usecases.ports import Fallback
from recommender.usecases.relations import Person, RelationsAway
from recommender.usecases.search import Manner, Search
from recommender.usecases.similar import Similar
from recommender.usecases.tell_policy import TellPolicy
from recommender.usecases.world import World

ERRORS: ErrorTable = {
    UnknownProduct: grpc.StatusCode.NOT_FOUND,
    ForeignSpace: grpc.StatusCode.INVALID_ARGUMENT,
    UnusableVector: grpc.StatusCode.INVALID_ARGUMENT,
    ImpossiblePrice: grpc.StatusCode.INVALID_ARGUMENT,
    SenselessRule: grpc.StatusCode.INVALID_ARGUMENT,
    RelationsAway: grpc.StatusCode.UNAVAILABLE,
}
_K = 10
_KINDS = {pb.SIMILAR_KIND_SUBSTITUTES: SUBSTITUTE, pb.SIMILAR_KIND_COMPLEMENTS: COMPLEMENT}
_MODES = {pb.SCORE_MODE_ARTICLE: Mode.ARTICLE}
Context = grpc.aio.ServicerContext[Any, Any]
Reply = TypeVar("Reply", pb.RecommendResponse, pb.SimilarResponse, pb.SearchResponse)


class Recommender(RecommenderServiceServicer):
    """attune.recommender.v1.RecommenderService."""

    def __init__(
        self,
        *,
        world: World,
        recommend: Recommend,
        similar: Similar,
        search: Search,
        explain: Explain,
        policy: TellPolicy,
        forget: Forget,
        progress: Progress,
    ) -> None:
        self._world, self._recommend, self._similar, self._search = world, recommend, similar, search
        self._explain, self._policy, self._forget, self._progress = explain, policy, forget, progress

    async def Recommend(self, request: pb.RecommendRequest, context: Context) -> pb.RecommendResponse:  # noqa: N802, ARG002
        mode = _MODES.get(request.mode, Mode.CONDITIONED)
        at_least = [Position(w.topic, w.partition, w.offset, w.log) for w in request.at_least]
        made = await self._recommend(
            _person(request.user), _asked(request), mode, at_least, with_text=request.with_text
        )
        reply = pb.RecommendResponse(
            text=made.text, mode=pb.SCORE_MODE_ARTICLE if mode is Mode.ARTICLE else pb.SCORE_MODE_CONDITIONED
        )
        reply.ranker = made.ranker
        setattr(reply, "lambda", made.balance)  # a keyword of Python
        for product_id, m in made.mentions:
            reply.text_matches.add(product_id=product_id, by=m.by, similarity=m.similarity, mention=m.words)
        return self._told(reply, made)

    async def Similar(self, request: pb.SimilarRequest, context: Context) -> pb.SimilarResponse:  # noqa: N802, ARG002
        key = Key.of(request.tenant, request.product_id)
        made = await self._similar(key, _asked(request), _KINDS.get(request.kind, ""))
        return self._told(pb.SimilarResponse(), made)

    async def Search(self, request: pb.SearchRequest, context: Context) -> pb.SearchResponse:  # noqa: N802, ARG002
        tenant, asked = request.tenant or DEFAULT_TENANT, _asked(request)
        manner = Manner(request.verbatim, request.offset, request.with_facets)
        if request.WhichOneof("query") == "vector":
            vector = np.frombuffer(request.vector.data, dtype="<f4")
            made = await self._search.by_vector(tenant, request.user_id, vector, request.vector.space, asked, manner)
        else:
            made = await self._search.by_text(tenant, request.user_id, request.text, asked, manner)
        reply = pb.SearchResponse(found=made.found)
        write_reading(made, reply.reading)
        for facet in made.facets:
            told = reply.facets.add(name=facet.name)
            for value in facet.values:
                told.values.add(value=value.value, label=value.label, count=value.count)
        return self._told(reply, made)

    async def Explain(self, request: pb.ExplainRequest, context: Context) -> pb.ExplainResponse:  # noqa: N802, ARG002
        mode = _MODES.get(request.mode, Mode.CONDITIONED)
        where = CONTEXTS[request.context], request.context_products
        why = await self._explain(_person(request.user), request.product_id, request.language, mode, *where)
        reply = pb.ExplainResponse(
            product=ProductMessage.FromString(why.product.record),
            evidence=[
                pb.Evidence(product_id=e.product_id, text=e.text, similarity=e.similarity, weight=e.weight, did=e.did)
                for e in why.evidence
            ],
            paths=[
                pb.Path(
                    product_ids=[way.source, way.target], relations=[way.step.kind], weight=way.step.weight, did=way.did
                )
                for way in why.paths
            ],
            excluded=why.excluded,
            reason=why.reason,
            rules=[_effect(rule) for rule in why.rules],
        )
        _write_score(why.score, reply.score)
        self._write_served(reply.served, why.by, why.fallbacks, stale=why.stale)
        return reply

    async def GetProducts(self, request: pb.GetProductsRequest, context: Context) -> pb.GetProductsResponse:  # noqa: N802, ARG002
        shop = self._world.look(request.tenant or DEFAULT_TENANT)
        found = {product_id: shop.product(product_id) for product_id in request.product_ids}
        return pb.GetProductsResponse(
            products=[
                ProductMessage.FromString(product.record)
                for product_id in request.product_ids
                if (product := found[product_id]) is not None
            ],
            missing=[product_id for product_id, product in found.items() if product is None],
        )

    async def GetPolicy(self, request: pb.GetPolicyRequest, context: Context) -> pb.GetPolicyResponse:  # noqa: N802, ARG002
        tenant = request.tenant or DEFAULT_TENANT
        made = self._policy(tenant, [rule_of(rule) for rule in request.with_rules])
        reply = pb.GetPolicyResponse(
            rules=[RuleMessage.FromString(rule.record) for rule in made.rules],
            ranker=RankerRecord.FromString(made.ranker.record) if made.ranker else RankerRecord(version=SHIPPED),
            remarks=[pb.PolicyRemark(rule_ids=each.rule_ids, remark=each.remark) for each in made.remarks],
        )
        reply.ranker.tenant = tenant
        reply.ranker.weights.update(made.weights)
        self._write_served(reply.served, [], [], stale=False)
        return reply

    async def EraseUser(self, request: pb.EraseUserRequest, context: Context) -> pb.EraseUserResponse:  # noqa: N802, ARG002
        now = datetime.now(UTC)
        removed = await self._forget(_person(request.user), int(now.timestamp() * 1000))
        at = Timestamp()
        at.FromDatetime(now)
        stores = {"relations history": removed.histories, "relations graph": removed.edges}
        return pb.EraseUserResponse(
            erased=[
                types.Erased(service="recommender", store=store, count=count, erased_at=at)
                for store, count in stores.items()
            ]
        )

    def _told(self, reply: Reply, made: Offers) -> Reply:
        for offer in made.offers:
            _write_offer(offer, reply.recommendations.add())
        reply.shortage = made.shortage
        self._write_served(reply.served, made.by, made.fallbacks, stale=made.stale)
        return reply

    def _write_served(
        self, served: types.Served, by: Collection[str], fallbacks: Sequence[Fallback], *, stale: bool
    ) -> None:
        served.by.extend(dict.fromkeys(by))
        unread = [Fallback("log", "what it still holds", str(gap)) for gap in self._progress.gaps]
        for fallback in [*fallbacks, *unread]:
            served.fallbacks.add(**fallback._asdict())
        for at in self._progress.positions():
            served.applied.add(topic=at.topic, partition=at.partition, offset=at.offset, log=at.log)
        served.stale = stale


def _person(user: types.UserRef) -> Person:
    return Person(user.tenant or DEFAULT_TENANT, user.user_id)


def _asked(request: pb.RecommendRequest | pb.SimilarRequest | pb.SearchRequest) -> Asked:
    wanted = request.filter
    currency, least, most = between(
        _price(wanted.min_price) if wanted.HasField("min_price") else None,
        _price(wanted.max_price) if wanted.HasField("max_price") else None,
    )
    allowed = Allowed(
        frozenset(category.strip("/") for category in wanted.categories),
        frozenset(wanted.brands),
        currency,
        most,
        least,
        tuple((match.name, frozenset(match.values)) for match in wanted.attributes),
        frozenset(wanted.exclude_product_ids),
        wanted.include_out_of_stock,
        wanted.include_seen,
    )
    asked = Asked(request.k or _K, allowed, request.language)
    if not isinstance(request, pb.RecommendRequest):
        return asked
    return replace(asked, context=CONTEXTS[request.context], there=list(request.context_products))


def _price(money: types.Money) -> Price:
    return Price(money.currency, Decimal(money.amount))


# Replies are written in place: a message that is put into another one is copied, which costs as much as making it.


def _write_offer(offer: Offer, told: pb.Recommendation) -> None:
    told.product.MergeFromString(offer.record)
    _write_score(offer.score, told.score)
    told.sources.extend(offer.sources)
    told.reason, told.relation = offer.reason, offer.relation
    told.rules.extend(map(_effect, offer.rules))


def _effect(rule: Rule) -> pb.RuleEffect:
    return pb.RuleEffect(rule_id=rule.rule_id, effect=rule.name, reason=rule.reason)


def _write_score(scored: Scored, told: types.Score) -> None:
    told.value = scored.value
    add = told.terms.add
    for name, value, weight in scored.terms:
        term = add()  # with names as arguments it takes longer
        term.name, term.value, term.weight, term.contribution = name, value, weight, value * weight
