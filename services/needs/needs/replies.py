"""Needs and profiles as the contract writes them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from attune.needs.v1 import needs_pb2 as pb
from attune.types.v1 import types_pb2
from needs.domain.need import Behavior, Need
from needs.domain.profile import Facet, Profile
from needs.domain.shop_record import ShopRecord
from needs.domain.spectrum import Vector

if TYPE_CHECKING:
    from attune.events.v1 import clickstream_pb2


def need_reply(
    user: types_pb2.UserRef, need: Need, mode: pb.NeedMode.ValueType, space: str, *, with_vectors: bool
) -> pb.Need:
    """A need, whose vectors are of `space`."""
    return pb.Need(
        user=user,
        known=need.known,
        vector=_vector(need.vector, space),
        spectrum=[_behavior(behavior, space if with_vectors else None) for behavior in need.spectrum],
        words=[types_pb2.WordWeight(word=word, weight=weight) for word, weight in need.words],
        behaviors=need.behaviors,
        last_at=timestamp(need.last_at),
        mode=mode or pb.NEED_MODE_WEIGHTED,
        language=need.language,
        session=_vector(need.session, space),
        long_term=_vector(need.long_term, space),
        also_known_as=need.links.newest,
        simulated=need.simulated,
        earlier_share=need.earlier_share,
        incomplete=need.incomplete,
    )


def write_brief(reply: pb.GetNeedResponse, request: pb.GetNeedRequest, need: Need, space: str) -> None:
    """What one ranks by, of a need that was not explained. Written in place: a message that is put into another one is
    copied by way of its bytes.
    """
    told, columns = reply.need, reply.columns
    told.user.tenant, told.user.user_id = request.user.tenant, request.user.user_id
    told.known, told.behaviors, told.language = need.known, need.behaviors, need.language
    told.mode = request.mode or pb.NEED_MODE_WEIGHTED
    told.simulated, told.incomplete = need.simulated, need.incomplete
    told.also_known_as.extend(need.links.newest)
    if need.vector is not None:
        vector = told.vector
        vector.data, vector.dim, vector.space = need.vector.astype("<f4").tobytes(), len(need.vector), space
    columns.kinds.extend([behavior.kind for behavior in need.spectrum])  # type: ignore[misc] # the same numbers
    columns.product_ids.extend([behavior.product_id for behavior in need.spectrum])
    columns.texts.extend([behavior.text for behavior in need.spectrum])
    columns.weights.extend([behavior.weight for behavior in need.spectrum])
    columns.words.extend([word for word, _ in need.words])
    columns.word_weights = np.array([weight for _, weight in need.words], dtype="<f4").tobytes()


def write_person(reply: pb.Need, record: ShopRecord) -> None:
    """What a need may tell of the shop's record."""
    reply.tier, reply.region = record.tier, record.region
    reply.shop_attributes.update(record.attributes)


def profile_reply(user: types_pb2.UserRef, profile: Profile) -> pb.Profile:
    """A profile."""
    prices = profile.prices
    return pb.Profile(
        user=user,
        known=profile.known,
        categories=_facets(profile.categories),
        brands=_facets(profile.brands),
        attributes=_facets(profile.attributes),
        price_median=_money(prices.currency, prices.median) if prices else None,
        price_low=_money(prices.currency, prices.low) if prices else None,
        price_high=_money(prices.currency, prices.high) if prices else None,
        language=profile.language,
        region=profile.record.region,
        tier=profile.record.tier,
        consents=profile.record.consents,
        shop_attributes=profile.record.attributes,
        kinds=profile.kinds,
    )


def timestamp(at: int) -> Timestamp | None:
    """None for 0: never."""
    if at == 0:
        return None
    time = Timestamp()
    time.FromMilliseconds(at)
    return time


def _behavior(behavior: Behavior, space: str | None) -> pb.Behavior:
    kind: clickstream_pb2.BehaviorKind.ValueType = behavior.kind  # type: ignore[assignment] # the numbers are the same
    return pb.Behavior(
        kind=kind,
        product_id=behavior.product_id,
        text=behavior.text,
        occurred_at=timestamp(behavior.at),
        weight=behavior.weight,
        share=behavior.share,
        vector=None if space is None else _vector(behavior.vector, space),
    )


def _facets(facets: Sequence[Facet]) -> list[pb.Facet]:
    return [pb.Facet(name=facet.name, share=facet.share, weight=facet.weight) for facet in facets]


def _money(currency: str, amount: Decimal) -> types_pb2.Money:
    return types_pb2.Money(currency=currency, amount=f"{amount:f}")


def _vector(vector: Vector | None, space: str) -> types_pb2.Vector | None:
    if vector is None:
        return None
    return types_pb2.Vector(data=vector.astype("<f4").tobytes(), dim=len(vector), space=space)
