"""The shopper of the story, and what the four services say of them at a moment."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message

from attune.content.v1 import content_pb2 as content
from attune.events.v1.rule_pb2 import Rule
from attune.events.v1.user_pb2 import UserRecord
from attune.needs.v1 import needs_pb2 as needs
from attune.qa.v1 import qa_pb2 as qa
from attune.recommender.v1 import recommender_pb2 as recommender
from attune.types.v1.types_pb2 import UserRef, Watermark
from attune_cli.contract import event_message, key_of, topic_of
from attune_cli.send import watermark
from attune_cli.services import Services
from chassis.kafka import Position, Producer
from chassis.kafka.decode import checked, from_mapping

_PATIENCE, _GLANCE = 10.0, 0.05  # seconds


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An event that Kafka has."""

    at: float  # time.perf_counter()
    watermarks: Sequence[Watermark]


class Shopper:
    """Acts for one person: sends their events and asks on their behalf. `user` is new in each telling."""

    def __init__(self, services: Services, producer: Producer, *, tenant: str, user: str) -> None:
        self._services, self._producer = services, producer
        self.ref = UserRef(tenant=tenant, user_id=user)
        self._session = uuid.uuid4().hex[:8]
        self._dialogue = ""

    async def introduce(self, record: dict[str, Any]) -> Acknowledged:
        """Load what the shop knows of them."""
        return await self._send(checked(from_mapping(UserRecord, {**record, "tenant": self.ref.tenant})))

    async def sign_in(self, value: dict[str, Any]) -> Acknowledged:
        """Send an event of somebody without a name, and then that it was them."""
        nameless = f"anon:{self._session}"
        before = await self.act(value, user=nameless)
        now = await self.act({"kind": "BEHAVIOR_KIND_IDENTIFY", "anonymous_id": nameless})
        return Acknowledged(now.at, [*before.watermarks, *now.watermarks])

    async def act(self, value: dict[str, Any], *, user: str = "") -> Acknowledged:
        """Send an event that happens now: theirs, or of the user given."""
        who = {"event_id": uuid.uuid4().hex, "tenant": self.ref.tenant, "user_id": user or self.ref.user_id,
               "session_id": self._session, "occurred_at": datetime.now(UTC).isoformat()}  # fmt: skip
        return await self._send(checked(from_mapping(event_message(value["kind"]), {**value, **who})))

    async def decide(self, rule: dict[str, Any]) -> Acknowledged:
        """Send a rule of the shopkeeper, who acts beside them."""
        return await self._send(checked(from_mapping(Rule, {**rule, "tenant": self.ref.tenant})))

    async def take_back(self, rule_ids: Sequence[str]) -> None:
        """Let rules no longer hold. Returns when they do not: whoever stops the platform next would keep them."""
        await self._producer.send_many(topic_of(Rule), [(rule_id, None) for rule_id in rule_ids])
        request = recommender.GetPolicyRequest(tenant=self.ref.tenant)
        until = time.monotonic() + _PATIENCE
        with self._services.recommender() as stub:
            while {rule.rule_id for rule in (await stub.GetPolicy(request)).rules} & set(rule_ids):
                if time.monotonic() > until:
                    break
                await asyncio.sleep(_GLANCE)

    async def need(self, at_least: Sequence[Watermark] = ()) -> needs.GetNeedResponse:
        with self._services.needs() as stub:
            return await stub.GetNeed(needs.GetNeedRequest(user=self.ref, at_least=at_least))

    async def profile(self, at_least: Sequence[Watermark] = ()) -> needs.GetProfileResponse:
        with self._services.needs() as stub:
            return await stub.GetProfile(needs.GetProfileRequest(user=self.ref, at_least=at_least))

    async def offers(
        self, at_least: Sequence[Watermark] = (), *, k: int = 10, language: str = ""
    ) -> recommender.RecommendResponse:
        request = recommender.RecommendRequest(user=self.ref, k=k, language=language, at_least=at_least)
        with self._services.recommender() as stub:
            return await stub.Recommend(request)

    async def ask(self, text: str, *, follow_up: bool, product_id: str = "") -> qa.Answer:
        """The answer; a follow-up stays in the conversation of the question before."""
        dialogue = self._dialogue if follow_up else ""
        request = qa.AskRequest(user=self.ref, text=text, dialogue_id=dialogue, product_id=product_id)
        answer = qa.Answer()
        with self._services.qa() as stub:
            async for piece in stub.Ask(request):
                if piece.WhichOneof("part") == "answer":
                    answer = piece.answer
        self._dialogue = answer.dialogue_id
        return answer

    async def compose(self, product_id: str, channel: str, language: str) -> content.Composition:
        request = content.ComposeRequest(user=self.ref, product_id=product_id, channel=channel, language=language)
        with self._services.content() as stub:
            return (await stub.Compose(request)).composition

    async def arm(self, experiment_id: str, variant_id: str) -> content.Arm:
        """How a variant does; one that was never shown has no counts."""
        request = content.GetExperimentRequest(tenant=self.ref.tenant, experiment_id=experiment_id)
        with self._services.content() as stub:
            reply = await stub.GetExperiment(request)
        arms = [arm for each in reply.experiments for arm in each.arms if arm.variant_id == variant_id]
        return arms[0] if arms else content.Arm(variant_id=variant_id)

    async def _send(self, message: Message) -> Acknowledged:
        position: Position = await self._producer.send(topic_of(type(message)), key_of(message), message)
        return Acknowledged(time.perf_counter(), [watermark(position)])
