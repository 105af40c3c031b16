"""gRPC request → use case → reply."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable
from typing import Any

import grpc

from attune.qa.v1 import qa_pb2 as pb
from attune.qa.v1 import qa_pb2_grpc
from attune.types.v1 import types_pb2
from chassis.kafka import Freshness, Position
from chassis.rpc.errors import ErrorTable
from qa.domain.identity import DEFAULT_TENANT, Person
from qa.domain.wording import pieces
from qa.reading import Reading
from qa.replies import answer_reply, fallbacks, timestamp, turn_reply
from qa.usecases import Forget, Recall, Respond
from qa.usecases.ports import EmptyQuestion, Fallback, MemoryAway, Question, UnreadableMedia

SERVICE = pb.DESCRIPTOR.services_by_name["QaService"].full_name
ERRORS: ErrorTable = {
    EmptyQuestion: grpc.StatusCode.INVALID_ARGUMENT,
    UnreadableMedia: grpc.StatusCode.FAILED_PRECONDITION,
    MemoryAway: grpc.StatusCode.UNAVAILABLE,
}
Context = grpc.aio.ServicerContext[Any, Any]


class QaServicer(qa_pb2_grpc.QaServiceServicer):
    """Translates and decides nothing."""

    def __init__(
        self,
        respond: Respond,
        recall: Recall,
        forget: Forget,
        freshness: Freshness,
        reading: Reading,
        *,
        space: str,
        topics: Collection[str],
        now: Callable[[], float],
    ) -> None:
        """`space` names the encoder, `topics` what this service reads; `now`: seconds since 1970."""
        self._respond, self._recall, self._forget = respond, recall, forget
        self._freshness, self._reading = freshness, reading
        self._space, self._topics, self._now = space, topics, now

    async def Ask(self, request: pb.AskRequest, context: Context) -> AsyncIterator[pb.AskResponse]:  # noqa: N802
        """The words piece by piece, then the answer with its sources."""
        del context
        question = self._question(request)
        stale = not await self._reached(request.at_least)
        reply = await self._respond(question)
        for piece in pieces(reply.answer.text):
            yield pb.AskResponse(delta=piece)
        answer = answer_reply(reply.answer, dialogue_id=reply.dialogue_id, turn=reply.turn, understood=reply.understood)
        missing = (*self._reading.missing(), *self._gone(), *reply.fallbacks)
        yield pb.AskResponse(answer=answer, served=self._served(reply.by, missing, stale=stale))

    async def GetDialogue(  # noqa: N802
        self, request: pb.GetDialogueRequest, context: Context
    ) -> pb.GetDialogueResponse:
        """A conversation so far; empty when there is none."""
        del context
        person = Person.of(request.user.tenant, request.user.user_id)
        dialogue = await self._recall(person, request.dialogue_id)
        return pb.GetDialogueResponse(
            dialogue_id=dialogue.dialogue_id if dialogue.turns else "",
            turns=[turn_reply(dialogue.dialogue_id, turn) for turn in dialogue.turns],
            served=self._served(["redis"], self._gone()),
        )

    async def EraseUser(self, request: pb.EraseUserRequest, context: Context) -> pb.EraseUserResponse:  # noqa: N802
        """One line per collection."""
        del context
        now = self._now()
        forgotten = await self._forget(Person.of(request.user.tenant, request.user.user_id), now)
        counts = {
            "redis dialogue": forgotten.dialogues,
            "redis dialogue owed": forgotten.owed,
            "redis dialogue events": forgotten.events,
        }
        at = timestamp(now)
        erased = [types_pb2.Erased(service="qa", store=s, count=n, erased_at=at) for s, n in counts.items()]
        return pb.EraseUserResponse(erased=erased)

    def _question(self, request: pb.AskRequest) -> Question:
        given = request.WhichOneof("question") or "text"
        if given != "text":
            raise UnreadableMedia(given, getattr(request, given).mime_type, self._space)
        return Question(
            tenant=request.user.tenant or request.tenant or DEFAULT_TENANT,
            text=request.text,
            at=self._now(),
            user=request.user.user_id,
            dialogue_id=request.dialogue_id,
            language=request.language,
            product_id=request.product_id,
        )

    async def _reached(self, at_least: Iterable[types_pb2.Watermark]) -> bool:
        return await self._freshness.reached([Position(m.topic, m.partition, m.offset, m.log) for m in at_least])

    def _gone(self) -> list[Fallback]:
        """What the log did not keep until it was read."""
        return [Fallback("log", "what it still holds", str(gap)) for gap in self._freshness.gaps]

    def _served(self, by: Iterable[str], given: Iterable[Fallback] = (), *, stale: bool = False) -> types_pb2.Served:
        applied = [
            types_pb2.Watermark(topic=at.topic, partition=at.partition, offset=at.offset, log=at.log)
            for at in self._freshness.applied(self._topics)
        ]
        return types_pb2.Served(by=by, fallbacks=fallbacks(given), applied=applied, stale=stale)
