"""gRPC request → use case → reply."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import grpc

from attune.content.v1 import content_pb2 as pb
from attune.content.v1 import content_pb2_grpc
from attune.types.v1 import types_pb2
from chassis.kafka import Freshness, Position
from chassis.kafka.progress import Gap
from chassis.rpc import remaining
from chassis.rpc.errors import ErrorTable
from content import replies
from content.domain.customer import DEFAULT_TENANT, NoConsent, Person
from content.domain.errors import ConsentUnknown, NothingToSay, UnknownExperiment, UnknownProduct
from content.usecases.compose import Compose, Wish
from content.usecases.learn import Forget, TellExperiments
from content.usecases.ports import Awaited, MemoryAway, ProductsAway

SERVICE = pb.DESCRIPTOR.services_by_name["ContentService"].full_name
ERRORS: ErrorTable = {
    UnknownProduct: grpc.StatusCode.NOT_FOUND,
    UnknownExperiment: grpc.StatusCode.NOT_FOUND,
    NoConsent: grpc.StatusCode.FAILED_PRECONDITION,
    NothingToSay: grpc.StatusCode.FAILED_PRECONDITION,
    ConsentUnknown: grpc.StatusCode.UNAVAILABLE,
    ProductsAway: grpc.StatusCode.UNAVAILABLE,
    MemoryAway: grpc.StatusCode.UNAVAILABLE,
}
_SHARE = 0.5  # of the deadline that is spent on waiting for the log before a text is written
Context = grpc.aio.ServicerContext[Any, Any]


class ContentServicer(content_pb2_grpc.ContentServiceServicer):
    """Translates."""

    def __init__(
        self,
        *,
        compose: Compose,
        experiments: TellExperiments,
        forget: Forget,
        freshness: Freshness,
        gaps: Callable[[], Sequence[Gap]],
        topics: Collection[str],
        seed: Callable[[], int],
        now: Callable[[], int],
    ) -> None:
        """`gaps`: what the log deleted unread; `topics`: those of this service; `seed`: a new one at each call; `now`:
        milliseconds since 1970.
        """
        self._compose, self._experiments, self._forget = compose, experiments, forget
        self._freshness, self._gaps, self._topics, self._seed, self._now = freshness, gaps, topics, seed, now

    async def Compose(self, request: pb.ComposeRequest, context: Context) -> pb.ComposeResponse:  # noqa: N802
        del context
        reached = await self._reached(_positions(request.at_least))
        awaited = [Awaited(w.topic, w.partition, w.offset, w.log) for w in request.at_least]
        person = Person.of(request.user.tenant, request.user.user_id)
        wish = Wish(person, request.product_id, request.channel, request.language, awaited)
        made = await self._compose(wish, self._seed())
        return pb.ComposeResponse(
            composition=replies.composition(made, request.channel),
            candidates=[replies.candidate(*other) for other in made.others] if request.with_candidates else [],
            served=self._served(made.by, made, stale=made.stale or not reached),
        )

    async def GetExperiment(self, request: pb.GetExperimentRequest, context: Context) -> pb.GetExperimentResponse:  # noqa: N802
        del context
        reached = await self._reached(_positions(request.at_least), share=1.0)
        tenant = request.tenant or DEFAULT_TENANT
        if request.experiment_id:
            found = [replies.experiment(await self._experiments.one(tenant, request.experiment_id), with_arms=True)]
        else:
            found = [replies.experiment(held, with_arms=False) for held in await self._experiments.all(tenant)]
        return pb.GetExperimentResponse(experiments=found, served=self._served(["experiment"], stale=not reached))

    async def EraseUser(self, request: pb.EraseUserRequest, context: Context) -> pb.EraseUserResponse:  # noqa: N802
        del context
        at = self._now()
        gone = await self._forget(Person.of(request.user.tenant, request.user.user_id), at)
        counts = {"redis composition": gone.compositions, "redis composition responses": gone.responses}
        when = replies.timestamp(at)
        receipts = [
            types_pb2.Erased(service="content", store=store, count=count, erased_at=when)
            for store, count in counts.items()
        ]
        return pb.EraseUserResponse(erased=receipts)

    async def _reached(self, at_least: Sequence[Position], share: float = _SHARE) -> bool:
        """Whether these are applied, by whichever replica; leaves the rest of the deadline for the answer."""
        try:
            async with asyncio.timeout(share * remaining()):
                return await self._freshness.reached(at_least)
        except (TimeoutError, MemoryAway):
            return False

    def _served(self, by: Iterable[str], made: Any = None, *, stale: bool = False) -> types_pb2.Served:
        replaced = [*(made.replaced if made is not None else ()), *map(replies.unread, self._gaps())]
        return replies.served(by, replaced, self._freshness.applied(self._topics), stale=stale)


def _positions(watermarks: Iterable[types_pb2.Watermark]) -> list[Position]:
    return [Position(w.topic, w.partition, w.offset, w.log) for w in watermarks]
