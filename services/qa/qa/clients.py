"""Other services → ports: short timeouts, and no waiting for one that is known to be away."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import grpc
import numpy as np

from attune.needs.v1 import needs_pb2
from attune.needs.v1.needs_pb2_grpc import NeedsServiceStub
from attune.recommender.v1 import recommender_pb2
from attune.recommender.v1.recommender_pb2_grpc import RecommenderServiceStub
from attune.types.v1 import types_pb2
from chassis.rpc import is_refusal
from lm.generators.breaker import Breaker
from qa.domain.identity import Person
from qa.usecases.ports import Away, Context

LATELY = 5  # products a person may mean by "it"
T = TypeVar("T")


class Circuit:
    """One other service. After three failures in a row it is left alone for a pause, then tried again."""

    def __init__(self, timeout: timedelta, pause: timedelta, clock: Callable[[], float] = time.monotonic) -> None:
        self._timeout, self._breaker, self._clock = timeout.total_seconds(), Breaker(pause=pause), clock

    async def call(self, method: Callable[..., Awaitable[T]], request: object) -> T:
        """The reply; raises Away."""
        if wait := self._breaker.enter(self._clock()):
            raise Away(f"it failed lately and is asked again in {wait:.1f} s")
        try:
            reply = await method(request, timeout=self._timeout)
        except grpc.aio.AioRpcError as error:
            if is_refusal(error):
                self._breaker.gave_up()
            else:
                self._breaker.failed(self._clock())
            raise Away(f"{error.code().name}: {error.details()}") from error
        except BaseException:
            self._breaker.gave_up()
            raise
        self._breaker.succeeded()
        return reply


class GrpcNeeds:
    """The needs service."""

    def __init__(self, channel: grpc.aio.Channel, circuit: Circuit) -> None:
        self._stub, self._circuit = NeedsServiceStub(channel), circuit

    async def context(self, person: Person) -> Context:
        """See Needs."""
        user = types_pb2.UserRef(tenant=person.tenant, user_id=person.user)
        reply = await self._circuit.call(self._stub.GetNeed, needs_pb2.GetNeedRequest(user=user))
        need = reply.need
        products = dict.fromkeys(each.product_id for each in need.spectrum if each.product_id and each.weight > 0)
        vector = np.frombuffer(need.vector.data, dtype="<f4") if need.HasField("vector") else None
        return Context(vector, need.vector.space, tuple(products)[:LATELY])


class GrpcOffers:
    """The recommender service."""

    def __init__(self, channel: grpc.aio.Channel, circuit: Circuit) -> None:
        self._stub, self._circuit = RecommenderServiceStub(channel), circuit

    async def search(self, tenant: str, user: str, text: str, k: int) -> list[str]:
        """See Offers."""
        request = recommender_pb2.SearchRequest(tenant=tenant, user_id=user, text=text[:1_000], k=k)
        reply = await self._circuit.call(self._stub.Search, request)
        return [each.product.product_id for each in reply.recommendations]


class Absent:
    """A service that this shop does not run."""

    def __init__(self, variable: str) -> None:
        self._reason = f"no address is configured: set {variable}"

    async def context(self, person: Person) -> Context:
        """See Needs."""
        del person
        raise Away(self._reason)

    async def search(self, tenant: str, user: str, text: str, k: int) -> list[str]:
        """See Offers."""
        del tenant, user, text, k
        raise Away(self._reason)
