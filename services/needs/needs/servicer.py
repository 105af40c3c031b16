"""gRPC request → use case → reply."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable
from typing import Any

import grpc

from attune.needs.v1 import needs_pb2 as pb
from attune.needs.v1 import needs_pb2_grpc
from attune.types.v1 import types_pb2
from chassis.kafka import Freshness, Position
from chassis.rpc.errors import ErrorTable
from needs.domain.identity import Person
from needs.domain.links import READ
from needs.domain.need import Mode, Need
from needs.domain.weights import Kind
from needs.replies import need_reply, profile_reply, timestamp, write_brief, write_person
from needs.usecases import Answer, Forget, LogAway, MemoryAway, UnknownProduct
from needs.watch import TooManyWatchers, Watch

SERVICE = pb.DESCRIPTOR.services_by_name["NeedsService"].full_name
ERRORS: ErrorTable = {
    MemoryAway: grpc.StatusCode.UNAVAILABLE,
    LogAway: grpc.StatusCode.UNAVAILABLE,
    UnknownProduct: grpc.StatusCode.NOT_FOUND,
    TimeoutError: grpc.StatusCode.UNAVAILABLE,  # others kept writing the person's partition
    TooManyWatchers: grpc.StatusCode.RESOURCE_EXHAUSTED,
}
_MODES = {pb.NEED_MODE_ARTICLE: Mode.ARTICLE}
Context = grpc.aio.ServicerContext[Any, Any]


class NeedsServicer(needs_pb2_grpc.NeedsServiceServicer):
    """Translates and decides nothing."""

    def __init__(
        self,
        answer: Answer,
        watch: Watch,
        forget: Forget,
        freshness: Freshness,
        *,
        space: str,
        topics: Collection[str],
        now: Callable[[], int],
    ) -> None:
        """`space` names the vectors; of `topics` a reply tells what was applied; `now`: milliseconds since 1970."""
        self._answer, self._watch, self._forget, self._freshness = answer, watch, forget, freshness
        self._space, self._topics, self._now = space, topics, now

    async def GetNeed(self, request: pb.GetNeedRequest, context: Context) -> pb.GetNeedResponse:  # noqa: N802
        """r_{u,t} and R_u."""
        del context
        stale = not await self._reached(request.at_least)
        as_of = request.as_of.ToMilliseconds() if request.HasField("as_of") else None
        what_if = [(Kind(each.kind), each.product_id) for each in request.what_if]
        brief, person = request.brief, _person(request.user)
        need = await self._answer.need(person, _mode(request.mode), as_of, what_if, explained=not brief)
        reply = pb.GetNeedResponse()
        if brief:
            write_brief(reply, request, need, self._space)
        else:
            told = need_reply(request.user, need, request.mode, self._space, with_vectors=request.with_vectors)
            reply.need.CopyFrom(told)
        if request.with_person:
            write_person(reply.need, need.record)
        if request.HasField("as_of"):
            reply.need.as_of.CopyFrom(request.as_of)
        self._write_served(reply.served, need, stale=stale, brief=brief)
        return reply

    async def GetNeeds(  # type: ignore[override] # noqa: N802 - the guard asks for one after the other
        self, request: pb.GetNeedRequest, context: Context
    ) -> pb.GetNeedResponse:
        """One of many."""
        return await self.GetNeed(request, context)

    async def GetProfile(self, request: pb.GetProfileRequest, context: Context) -> pb.GetProfileResponse:  # noqa: N802
        """What the person cares about."""
        del context
        stale = not await self._reached(request.at_least)
        profile = await self._answer.profile(_person(request.user))
        return pb.GetProfileResponse(profile=profile_reply(request.user, profile), served=self._served(stale=stale))

    async def WatchNeed(  # noqa: N802
        self, request: pb.WatchNeedRequest, context: Context
    ) -> AsyncIterator[pb.WatchNeedResponse]:
        """The need now and after each change, until the caller leaves."""
        del context
        async for need in self._watch(_person(request.user), _mode(request.mode)):
            reply = need_reply(request.user, need, request.mode, self._space, with_vectors=False)
            yield pb.WatchNeedResponse(need=reply, served=self._served(need))

    async def EraseUser(self, request: pb.EraseUserRequest, context: Context) -> pb.EraseUserResponse:  # noqa: N802
        """One line per collection of Redis."""
        del context
        now = self._now()
        removed = await self._forget(_person(request.user), now)
        return pb.EraseUserResponse(
            erased=[
                types_pb2.Erased(service="needs", store=store, count=count, erased_at=timestamp(now))
                for store, count in removed.items()
            ]
        )

    async def _reached(self, at_least: Iterable[types_pb2.Watermark]) -> bool:
        return await self._freshness.reached([Position(m.topic, m.partition, m.offset, m.log) for m in at_least])

    def _served(self, need: Need | None = None, *, stale: bool = False) -> types_pb2.Served:
        served = types_pb2.Served()
        self._write_served(served, need, stale=stale)
        return served

    def _write_served(
        self, served: types_pb2.Served, need: Need | None, *, stale: bool = False, brief: bool = False
    ) -> None:
        """What was left out of a need is told: behaviours whose products have no vector here, and the oldest ids."""
        served.by.append(self._space)
        served.stale = stale
        for at in () if brief else self._freshness.applied(self._topics):
            served.applied.add(topic=at.topic, partition=at.partition, offset=at.offset, log=at.log)
        for gap in self._freshness.gaps:
            served.fallbacks.add(component="log", used="the events that were still there", reason=str(gap))
        if need is not None and need.blind:
            reason = f"{need.blind} of the behaviours concern products without a vector of {self._space} here"
            served.fallbacks.add(component="product-vectors", used="the other behaviours", reason=reason)
        if need is not None and need.links.unread:
            reason = f"the person signed in with {need.links.unread} ids before these"
            served.fallbacks.add(component="also_known_as", used=f"the {READ} newest ids", reason=reason)


def _person(user: types_pb2.UserRef) -> Person:
    return Person.of(user.tenant, user.user_id)


def _mode(mode: pb.NeedMode.ValueType) -> Mode:
    return _MODES.get(mode, Mode.WEIGHTED)
