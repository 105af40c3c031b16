"""Other services as ports. One that is away is left alone for a moment, said so, and found again without a restart."""

from __future__ import annotations

import time
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Generic, NamedTuple, TypeVar

import grpc
import numpy as np

from attune.events.v1.product_pb2 import Product as ProductMessage
from attune.needs.v1 import needs_pb2
from attune.needs.v1.needs_pb2_grpc import NeedsServiceStub
from attune.recommender.v1.recommender_pb2 import GetProductsRequest
from attune.recommender.v1.recommender_pb2_grpc import RecommenderServiceStub
from attune.types.v1.types_pb2 import UserRef, Watermark
from chassis.rpc import is_refusal, remaining
from content.domain.customer import Customer, Person, PriceBand
from content.domain.names import Names
from content.domain.product import Money, Product
from content.usecases.ports import Awaited, KnownCustomer, KnownProduct, ProductsAway, Replaced
from lm.generators.breaker import Breaker

_SHARE = 0.6  # of the deadline that another service may use: the rest is for the answer without it
_REMEMBERED = 10_000  # product records, some 3 KB each
T = TypeVar("T")
_Told = tuple[needs_pb2.GetNeedResponse, needs_pb2.GetProfileResponse]


class _Met(NamedTuple):
    """A record, and when it was met."""

    at: float  # by the monotonic clock
    written: bytes
    product: Product


class _Away(Exception):
    """Another service gave no answer."""


class _Guarded(Generic[T]):
    """Calls of one service behind a breaker."""

    def __init__(self, name: str, breaker: Breaker, timeout: timedelta, clock: Callable[[], float]) -> None:
        self._name, self._breaker, self._timeout, self._clock = name, breaker, timeout.total_seconds(), clock

    async def ask(self, call: Callable[[float], Awaitable[T]], *, patient: bool = False) -> T:
        """The reply to `call`, which is given its timeout; `patient` leaves it what the deadline allows."""
        if self._breaker.enter(self._clock()):
            raise _Away(f"{self._name} failed a moment ago and is left alone for now")
        left = _SHARE * remaining()
        try:
            reply = await call(left if patient else min(left, self._timeout))
        except grpc.aio.AioRpcError as error:
            if is_refusal(error):
                self._breaker.gave_up()
            else:
                self._breaker.failed(self._clock())
            raise _Away(f"{self._name}: {error.code().name} {error.details() or ''}".strip()) from None
        except BaseException:
            self._breaker.gave_up()
            raise
        self._breaker.succeeded()
        return reply


class NeedsClient:
    """Customers from the needs service."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        breaker: Breaker,
        timeout: timedelta,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`timeout`: of a call that waits for no watermark."""
        self._stub = NeedsServiceStub(channel)
        self._needs: _Guarded[_Told] = _Guarded("needs", breaker, timeout, clock)

    async def get(self, person: Person, at_least: Sequence[Awaited]) -> KnownCustomer:
        """Need and profile, asked at once: both are as fresh as `at_least` wants them."""
        user = UserRef(tenant=person.tenant, user_id=person.user)
        marks = [Watermark(topic=a.topic, partition=a.partition, offset=a.offset, log=a.log) for a in at_least]
        try:
            need, profile = await self._needs.ask(lambda seconds: self._ask(user, marks, seconds), patient=bool(marks))
        except _Away as away:
            return KnownCustomer(Customer(), replaced=Replaced("needs", "nothing known of the person", str(away)))
        by = [name for name in need.served.by if name]
        stale = need.served.stale or profile.served.stale
        return KnownCustomer(_customer(need.need, profile.profile), by, stale=stale)

    async def _ask(self, user: UserRef, marks: Sequence[Watermark], seconds: float) -> _Told:
        need = self._stub.GetNeed(needs_pb2.GetNeedRequest(user=user, at_least=marks), timeout=seconds)
        profile = self._stub.GetProfile(needs_pb2.GetProfileRequest(user=user, at_least=marks), timeout=seconds)
        try:  # a call is under way from when it is made
            return await need, await profile
        finally:
            profile.cancel()  # where the need failed; one that is done stays as it is


class RecommenderClient:
    """Product records from the recommender, remembered for when it is away."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        breaker: Breaker,
        timeout: timedelta,
        remembered: timedelta,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`remembered`: for how long a record may stand in."""
        self._stub = RecommenderServiceStub(channel)
        self._records: _Guarded[Sequence[ProductMessage]] = _Guarded("recommender", breaker, timeout, clock)
        self._remembered, self._clock = remembered.total_seconds(), clock
        self._met: OrderedDict[tuple[str, str], _Met] = OrderedDict()
        self._names: defaultdict[str, Names] = defaultdict(Names)

    async def get(self, tenant: str, product_id: str) -> KnownProduct:
        """The record as the catalogue has it; see Products."""
        request = GetProductsRequest(tenant=tenant, product_ids=[product_id])

        async def call(seconds: float) -> Sequence[ProductMessage]:
            return list((await self._stub.GetProducts(request, timeout=seconds)).products)

        try:
            found = await self._records.ask(call)
        except _Away as away:
            return self._from_memory(tenant, product_id, str(away))
        if not found:
            self._met.pop((tenant, product_id), None)
            return KnownProduct(None)
        return KnownProduct(self._remember(tenant, product_id, found[0]))

    def names(self, tenant: str) -> Names:
        """Brands and titles of the records that were met."""
        return self._names[tenant]

    def _from_memory(self, tenant: str, product_id: str, reason: str) -> KnownProduct:
        met = self._met.get((tenant, product_id))
        age = self._clock() - met.at if met else 0.0
        if met is None or age > self._remembered:
            raise ProductsAway(product_id, reason)
        return KnownProduct(met.product, Replaced("recommender", f"record of {age:.0f} s ago", reason))

    def _remember(self, tenant: str, product_id: str, message: ProductMessage) -> Product:
        """The record; for as long as nothing in it changes it is the same object, so that others know it again."""
        key, written = (tenant, product_id), message.SerializeToString(deterministic=True)
        met = self._met.get(key)
        product = met.product if met is not None and met.written == written else _product(tenant, message)
        self._met[key] = _Met(self._clock(), written, product)
        self._met.move_to_end(key)
        if len(self._met) > _REMEMBERED:
            self._met.popitem(last=False)
        for name in (product.brand, *product.title.values()):
            self._names[tenant].add(name)
        return product


def _customer(need: needs_pb2.Need, profile: needs_pb2.Profile) -> Customer:
    prices = None
    if profile.HasField("price_low") and profile.HasField("price_high"):
        low, high = profile.price_low, profile.price_high
        prices = PriceBand(low.currency, Decimal(low.amount), Decimal(high.amount))
    return Customer(
        known=need.known or profile.known,
        language=profile.language,
        consents=dict(profile.consents),
        kinds=dict(profile.kinds),
        categories={facet.name: facet.share for facet in profile.categories},
        brands={facet.name: facet.share for facet in profile.brands},
        prices=prices,
        words={word.word: word.weight for word in need.words},
        vector=np.frombuffer(need.vector.data, dtype="<f4") if need.HasField("vector") else None,
        space=need.vector.space,
        seen=frozenset(behavior.product_id for behavior in need.spectrum if behavior.product_id),
    )


def _product(tenant: str, message: ProductMessage) -> Product:
    price = Money(message.price.currency, message.price.amount) if message.HasField("price") else None
    return Product(
        tenant=tenant,
        product_id=message.product_id,
        title=dict(message.title),
        description=dict(message.description),
        category=message.category,
        category_name=dict(message.category_name),
        brand=message.brand,
        price=price,
        attributes={attribute.name: dict(attribute.value) for attribute in message.attributes},
    )
