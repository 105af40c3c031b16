"""Other services, and the log, as ports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import grpc
import numpy as np

from attune.events.v1.product_vectors_pb2 import ProductVectors
from attune.needs.v1 import needs_pb2 as pb
from attune.needs.v1.needs_pb2_grpc import NeedsServiceStub
from attune.types.v1.types_pb2 import Money, UserRef, Vector, Watermark
from chassis.kafka import Position, Producer
from chassis.rpc import Lanes, is_refusal, remaining
from recommender.breaker import Breaker
from recommender.domain.product import Key, in_language
from recommender.domain.rules import Customer
from recommender.domain.shop import Entry
from recommender.models import name_words
from recommender.usecases.ports import Behavior, NeedsAway, NeedView
from recommender.usecases.relations import Person

PRODUCT_VECTORS = "attune.product-vectors.v1"
_MOST_WORDS = 256  # that the contract takes
_SHARE = 0.8  # of the deadline that the needs service may use; the rest is for the answer without it


class NeedsClient:
    """Needs over gRPC."""

    def __init__(self, channel: grpc.aio.Channel, breaker: Breaker, timeout: timedelta) -> None:
        """`timeout`: of a call that waits for no watermark."""
        stub = NeedsServiceStub(channel)
        self._call, self._lanes = stub.GetNeed, Lanes(stub.GetNeeds, stub.GetNeed)
        self._breaker, self._timeout = breaker, timeout.total_seconds()

    async def need(self, person: Person, at_least: Sequence[Position], *, article: bool, whole: bool) -> NeedView:
        """Raises NeedsAway."""
        if self._breaker.open():
            raise NeedsAway("the needs service failed a moment ago and is left alone for now")
        user = UserRef(tenant=person.tenant, user_id=person.user)
        left = _SHARE * remaining()
        timeout = left if at_least else min(left, self._timeout)
        request = pb.GetNeedRequest(
            user=user,
            at_least=[Watermark(topic=p.topic, partition=p.partition, offset=p.offset, log=p.log) for p in at_least],
            mode=pb.NEED_MODE_ARTICLE if article else pb.NEED_MODE_UNSPECIFIED,
            with_person=whole,
            brief=True,
        )
        try:
            # Who waits for a watermark would hold a lane, and the server must know for how long it waits.
            reply = await (self._call if at_least else self._lanes)(request, timeout=timeout)
        except grpc.aio.AioRpcError as error:
            if not is_refusal(error):
                self._breaker.failed()
            raise NeedsAway(f"the needs service: {error.code().name} {error.details() or ''}".strip()) from None
        self._breaker.succeeded()
        need, columns = reply.need, reply.columns
        return NeedView(
            need.known,
            np.frombuffer(need.vector.data, dtype="<f4") if need.HasField("vector") else None,
            need.vector.space,
            list(map(Behavior, columns.product_ids, columns.texts, columns.weights)),
            dict(zip(columns.words, np.frombuffer(columns.word_weights, dtype="<f4").tolist(), strict=True)),
            need.language,
            reply.served.stale,
            ["needs", *(by for by in reply.served.by if by)],
            list(need.also_known_as),
            Customer(need.tier, need.region, need.language, dict(need.shop_attributes)) if whole else None,
        )


class VectorPublisher:
    """Tells the log which vectors products have."""

    def __init__(self, producer: Producer, space: str) -> None:
        self._producer, self._space = producer, space

    async def publish(self, entries: Sequence[Entry], gone: Sequence[Key]) -> None:
        """Waits until the log has them all."""
        messages = [(entry.product.key.product_id, self._message(entry)) for entry in entries]
        await self._producer.send_many(PRODUCT_VECTORS, [*messages, *((key.product_id, None) for key in gone)])

    def _message(self, entry: Entry) -> ProductVectors:
        product = entry.product
        named = name_words(product) if entry.named is None else entry.named
        words = sorted(named.items(), key=lambda item: -item[1])[:_MOST_WORDS]
        message = ProductVectors(
            tenant=product.key.tenant,
            product_id=product.key.product_id,
            vectors=[Vector(data=entry.vector.astype("<f4").tobytes(), dim=len(entry.vector), space=self._space)],
            category=product.category,
            brand=product.brand,
            attributes={name: in_language(values, "") for name, values in product.attributes if values},
        )
        for word, weight in words:
            message.words.add(word=word, weight=weight)  # a quarter of what a list of messages takes
        if product.amount is not None:
            message.price.CopyFrom(Money(currency=product.currency, amount=str(product.amount)))
        return message
