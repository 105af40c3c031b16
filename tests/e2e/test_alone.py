"""Each service runs by itself, says in its replies who is away, and recovers without a restart."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from ports import free_port

from attune.content.v1 import content_pb2, content_pb2_grpc
from attune.events.v1 import clickstream_pb2, knowledge_pb2, product_pb2, template_pb2, user_pb2
from attune.needs.v1 import needs_pb2, needs_pb2_grpc
from attune.qa.v1 import qa_pb2, qa_pb2_grpc
from attune.recommender.v1 import recommender_pb2, recommender_pb2_grpc
from attune.types.v1 import topic_pb2, types_pb2
from chassis.kafka import Producer
from chassis.kafka.decode import from_mapping
from chassis.rpc.probe import serving

FULL = {name: f"attune.{name}.v1.{name.capitalize()}Service" for name in ("needs", "recommender", "qa", "content")}
PATIENCE = 30.0


class House:
    """Services as processes of their own, at addresses they keep."""

    def __init__(self, folder: Path, kafka: str, redis_url: str) -> None:
        self._folder, self._running = folder, dict[str, asyncio.subprocess.Process]()
        self.address = {name: f"127.0.0.1:{free_port()}" for name in FULL}
        addresses = {f"ATTUNE_{name.upper()}_ADDRESS": at for name, at in self.address.items()}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ATTUNE_")}
        self._env = clean | addresses | {
            "ATTUNE_KAFKA": kafka,
            "ATTUNE_REDIS_URL": redis_url,
            "ATTUNE_QDRANT_URL": f"edge://{folder}",
            "ATTUNE_GRAPH_URL": f"sqlite://{folder}/graph.db",
            "ATTUNE_SESSION_TIMEOUT": "3",
        }  # fmt: skip

    async def start(self, name: str) -> None:
        """Start a service and wait until it is ready."""
        env = self._env | {"ATTUNE_GRPC_LISTEN": self.address[name]}
        with (self._folder / f"{name}.log").open("ab") as log:
            command = [sys.executable, "-m", name]
            self._running[name] = await asyncio.create_subprocess_exec(*command, env=env, stderr=log)
        until = time.monotonic() + PATIENCE
        while not await asyncio.to_thread(serving, self.address[name], FULL[name]):
            assert time.monotonic() < until, (self._folder / f"{name}.log").read_text()
            assert self._running[name].returncode is None, (self._folder / f"{name}.log").read_text()
            await asyncio.sleep(0.1)

    async def kill(self, name: str) -> None:
        """Take a service away at once."""
        self._running[name].send_signal(signal.SIGKILL)
        await self._running.pop(name).wait()

    async def stop(self) -> None:
        """Stop all that still runs."""
        for process in self._running.values():
            if process.returncode is None:
                process.terminate()
        await asyncio.gather(*(process.wait() for process in self._running.values()))


@asynccontextmanager
async def stub(kind: Callable[[Any], Any], address: str) -> AsyncIterator[Any]:
    options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        yield kind(channel)


@pytest.fixture
async def house(tmp_path: Path, kafka: str, redis_url: str) -> AsyncIterator[House]:
    made = House(tmp_path, kafka, redis_url)
    yield made
    await made.stop()


@pytest.fixture
async def shop(kafka: str, tenant: str) -> AsyncIterator[Callable[..., Awaitable[types_pb2.Watermark]]]:
    """Sends a message of the contract in its JSON form and tells where it was written."""
    producer = Producer(kafka)
    await producer.start()

    async def send(message: type[Message], **form: object) -> types_pb2.Watermark:
        topic = message.DESCRIPTOR.GetOptions().Extensions[topic_pb2.topic]
        form.setdefault("tenant", tenant)
        at = await producer.send(topic.name, str(form[topic.key]), from_mapping(message, form), form="json")
        return types_pb2.Watermark(topic=at.topic, partition=at.partition, offset=at.offset)

    yield send
    await producer.stop()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Look again and again until it holds."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 - other processes set no event
            await asyncio.sleep(0.1)


def missing(reply: Any) -> set[str]:
    return {each.component for each in reply.served.fallbacks}


async def products(shop: Callable[..., Awaitable[types_pb2.Watermark]]) -> None:
    for number, name in enumerate(("Oak tea table", "Green tea sampler", "Copper kettle", "Linen napkins")):
        price = {"currency": "EUR", "amount": f"{number + 1}9.90"}
        await shop(product_pb2.Product, product_id=f"p{number}", title={"en": name}, price=price, category="tea")


async def test_the_recommender_serves_without_needs_says_so_and_recovers(house: House, shop: Any, tenant: str) -> None:
    await house.start("recommender")
    await products(shop)
    user = types_pb2.UserRef(tenant=tenant, user_id="ana")
    async with stub(recommender_pb2_grpc.RecommenderServiceStub, house.address["recommender"]) as recommender:

        async def offers() -> Any:
            return await recommender.Recommend(recommender_pb2.RecommendRequest(user=user), timeout=5)

        async def loaded() -> bool:
            return len((await offers()).recommendations) == 4

        async def whole() -> bool:
            return "needs" not in missing(await offers())

        await until(loaded)
        assert "needs" in missing(await offers())
        await house.start("needs")
        await until(whole)
        await house.kill("needs")
        assert "needs" in missing(await offers())
        await house.start("needs")
        await until(whole)


async def test_needs_answers_all_alone(house: House, shop: Any, tenant: str) -> None:
    await house.start("needs")
    mark = await shop(user_pb2.UserRecord, user_id="ana", language="zh", updated_at="2026-01-31T12:00:00Z")
    user = types_pb2.UserRef(tenant=tenant, user_id="ana")
    async with stub(needs_pb2_grpc.NeedsServiceStub, house.address["needs"]) as needs:
        reply = await needs.GetProfile(needs_pb2.GetProfileRequest(user=user, at_least=[mark]), timeout=10)
    assert reply.profile.language == "zh"
    assert not reply.served.stale
    assert not reply.served.fallbacks


async def test_qa_answers_without_the_others_and_says_who_is_away(house: House, shop: Any, tenant: str) -> None:
    await house.start("qa")
    mark = await shop(
        knowledge_pb2.KnowledgeEntry,
        entry_id="returns-en",
        family="returns",
        language="en",
        question="How do I return an item?",
        answer="Send it back within 30 days.",
    )
    user = types_pb2.UserRef(tenant=tenant, user_id="ana")
    async with stub(qa_pb2_grpc.QaServiceStub, house.address["qa"]) as qa:

        async def ask() -> Any:
            request = qa_pb2.AskRequest(user=user, text="How can I return an item?", at_least=[mark])
            return [piece async for piece in qa.Ask(request, timeout=10)][-1]

        async def whole() -> bool:
            return not missing(await ask()) & {"needs", "recommender"}

        last = await ask()
        assert "30 days" in last.answer.text
        assert missing(last) & {"needs", "recommender"}
        await house.start("needs")
        await house.start("recommender")
        await until(whole)


async def test_content_needs_the_product_record_and_says_who_holds_it(house: House, shop: Any, tenant: str) -> None:
    await house.start("content")
    await shop(template_pb2.Template, template_id="t1", channel="banner", language="en", body="Meet {title}, {price}.")
    await products(shop)
    await shop(user_pb2.UserRecord, user_id="ana", language="en", consents={"marketing": True})
    user = types_pb2.UserRef(tenant=tenant, user_id="ana")
    request = content_pb2.ComposeRequest(user=user, product_id="p2", channel="banner", language="en")
    async with stub(content_pb2_grpc.ContentServiceStub, house.address["content"]) as content:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await content.Compose(request, timeout=5)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "recommender" in (caught.value.details() or "")
        await house.start("recommender")
        await house.start("needs")

        async def whole() -> bool:
            try:
                reply = await content.Compose(request, timeout=5)
            except grpc.aio.AioRpcError:
                return False
            return "Copper kettle" in reply.composition.text and "needs" not in missing(reply)

        await until(whole)
        await house.kill("needs")
        reply = await content.Compose(request, timeout=5)
        assert "needs" in missing(reply)


async def test_events_sent_while_a_service_was_away_are_there_when_it_is_back(
    house: House, shop: Any, tenant: str
) -> None:
    await house.start("recommender")
    await house.start("needs")
    await products(shop)
    user = types_pb2.UserRef(tenant=tenant, user_id="ana")
    await house.kill("needs")
    click = {"user_id": "ana", "kind": "purchase", "product_id": "p2", "occurred_at": "2026-01-31T12:00:00Z"}
    await shop(clickstream_pb2.ClickstreamEvent, event_id="e1", **click)
    mark = await shop(clickstream_pb2.ClickstreamEvent, event_id="e1", **click)  # a producer that tried twice
    await house.start("needs")
    async with stub(needs_pb2_grpc.NeedsServiceStub, house.address["needs"]) as needs:
        reply = await needs.GetNeed(needs_pb2.GetNeedRequest(user=user, at_least=[mark]), timeout=20)
    assert not reply.served.stale
    assert reply.need.behaviors == 1
