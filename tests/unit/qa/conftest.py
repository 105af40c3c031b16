"""What a small shop can answer, in both languages; and a house where the service runs."""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from attune.qa.v1 import qa_pb2 as pb
from attune.qa.v1.qa_pb2_grpc import QaServiceStub
from attune.types.v1.types_pb2 import UserRef, Watermark
from lm.generators import TemplateGenerator
from lm.static import StaticEncoder
from qa.clients import Absent
from qa.domain.dialogue import Dialogue, Turn
from qa.domain.knowledge import Entry
from qa.domain.library import Library
from qa.domain.products import Product
from qa.domain.shelf import Shelf
from qa.domain.wording import TEMPLATES
from qa.usecases import Ask, Texts
from qa.usecases.ask import Answered, Policy
from qa.usecases.ports import Question
from qa.usecases.writing import Writer

KNOWLEDGE, CATALOG, QUERIES = "attune.knowledge.v1", "attune.catalog.v1", "attune.queries.v1"
ANSWERS, ERASURES = "attune.answers.v1", "attune.erasures.v1"
ENCODER = StaticEncoder.load()
NOW = 1_700_000_000.0

# family → language → question, variants, answer
SHOP: dict[str, dict[str, tuple[str, list[str], str]]] = {
    "returns.how": {
        "en": (
            "How do I return an item?",
            ["I want to send something back", "Where do I get a return label?"],
            "Open your order, choose the item and print the label. The parcel shop takes it from there.",
        ),
        "zh": (
            "如何申请退货？",
            ["我想退货", "怎么退货？"],
            "打开订单，选择商品并打印退货标签，把包裹交到代收点即可。",
        ),
    },
    "returns.refund": {
        "en": (
            "When do I get my money back?",
            ["How long does a refund take?", "When will my refund arrive?"],
            "The refund is paid within 3 working days after the parcel has reached us.",
        ),
        "zh": ("退款多久到账？", ["什么时候退款？", "退货后要多久收到退款？"], "我们收到包裹后3个工作日内退款。"),
    },
    "returns.cost": {
        "en": ("Is the return free?", ["Who pays for the return?"], "Yes, we pay the return label within 30 days."),
        "zh": ("退货要付运费吗？", ["退货运费谁出？"], "30天内退货，运费由我们承担。"),
    },
    "delivery.time": {
        "en": (
            "How long does delivery take?",
            ["When will my parcel arrive?"],
            "Parcels arrive within 2 to 4 working days.",
        ),
        "zh": ("配送需要多长时间？", ["包裹什么时候到？", "多久能到货？"], "包裹在2到4个工作日内送达。"),
    },
    "delivery.cost": {
        "en": ("How much is delivery?", ["What does shipping cost?"], "Delivery is 4.90 euro, free from 50 euro."),
        "zh": ("运费是多少？", ["邮费多少钱？"], "运费4.90欧元，满50欧元包邮。"),
    },
    "payment.methods": {
        "en": (
            "Which payment methods do you accept?",
            ["Can I pay by card?", "How can I pay?"],
            "Cards, PayPal, Alipay and bank transfer.",
        ),
        "zh": ("支持哪些付款方式？", ["可以用支付宝吗？", "怎么付款？"], "支持银行卡、PayPal、支付宝和银行转账。"),
    },
    "orders.cancel": {
        "en": (
            "Can I cancel my order?",
            ["How do I cancel an order?"],
            "Yes, until it is packed: Orders, then Cancel.",
        ),
        "zh": ("可以取消订单吗？", ["怎么取消订单？"], "打包之前可以：打开订单，点击取消。"),
    },
    "warranty.length": {
        "en": ("How long is the warranty?", ["What guarantee do I get?"], "Every product has 24 months of warranty."),
        "zh": ("保修期是多久？", ["保修多长时间？"], "所有商品保修24个月。"),
    },
}
TEAPOT = Product(
    "default",
    "teapot",
    {"en": "Mist Porcelain Teapot, 600 ml", "zh": "烟雨白瓷茶壶 600毫升"},
    {
        "care": {"en": "dishwasher safe", "zh": "可用洗碗机清洗"},
        "capacity": {"en": "600 ml", "zh": "600毫升"},
        "material": {"en": "porcelain", "zh": "白瓷"},
        "weight": {"en": "480 g", "zh": "480克"},
    },
)
AskText = Callable[..., Awaitable[Answered]]


def entries() -> list[Entry]:
    return [
        Entry(
            tenant="default",
            entry_id=f"{family}.{language}",
            family=family,
            language=language,
            question=question,
            answer=answer,
            variants=tuple(variants),
            topic=family.partition(".")[0],
            source="Help pages",
        )
        for family, languages in SHOP.items()
        for language, (question, variants, answer) in languages.items()
    ]


@pytest.fixture
def library() -> Library:
    made = Library(lambda: Shelf(Policy().weights, ENCODER.dim))
    for entry in entries():
        made.learn(entry, ENCODER.encode(entry.texts))
    made.learn_product(TEAPOT)
    return made


@pytest.fixture
def ask(library: Library) -> AskText:
    """Ask the small shop at NOW, with neighbours away or given; `after`: the conversation so far."""

    async def asked(text: str, *, after: Dialogue | None = None, **given: Any) -> Answered:
        template = TemplateGenerator(TEMPLATES)
        needs, offers = given.pop("needs", Absent("NEEDS")), given.pop("offers", Absent("RECOMMENDER"))
        writer = Writer(given.pop("generator", template), template)
        made = Ask(library, Texts(ENCODER), writer, needs, offers, Policy(), lambda: NOW)
        return await made(Question("default", text, NOW, **given), after or Dialogue(""))

    return asked


@pytest.fixture
def after(ask: AskText) -> Callable[..., Awaitable[Dialogue]]:
    """A conversation in which these were asked."""

    async def held(*questions: str) -> Dialogue:
        dialogue = Dialogue("d")
        for question in questions:
            made = await ask(question, after=dialogue)
            turn = Turn(dialogue.next_number, NOW, question, made.understood, made.answer)
            dialogue = replace(dialogue, turns=(*dialogue.turns, turn))
        return dialogue

    return held


numbers = itertools.count(1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class House:
    """One qa service in its own process, and what a shop does with it."""

    def __init__(self, kafka: str, redis_url: str, folder: Path) -> None:
        self._kafka, self._redis_url, self._folder = kafka, redis_url, folder
        self._port, self.needs_port = free_port(), free_port()
        self.process = self.start()
        self._producer = Producer(
            {"bootstrap.servers": kafka, "partitioner": "murmur2_random", "message.max.bytes": 8_000_000}
        )
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self._port}", [("grpc.max_reconnect_backoff_ms", 200)])
        self.qa = QaServiceStub(self._channel)

    def start(self) -> subprocess.Popen[bytes]:
        named = {
            "ATTUNE_KAFKA": self._kafka,
            "ATTUNE_REDIS_URL": self._redis_url,
            "ATTUNE_QDRANT_URL": f"edge://{quote(str(self._folder))}",
            "ATTUNE_NEEDS_ADDRESS": f"127.0.0.1:{self.needs_port}",
            "ATTUNE_GRPC_LISTEN": f"127.0.0.1:{self._port}",
            "ATTUNE_SESSION_TIMEOUT": "PT2S",
            "ATTUNE_RETRY_MOST": "PT0.2S",
            "ATTUNE_LOG_LEVEL": "ERROR",
        }
        command = [sys.executable, "-m", "attune_embedded.service", "qa"]
        return subprocess.Popen(command, env={**os.environ, **named})

    def kill_and_start(self) -> None:
        self.process.kill()
        self.process.wait(10)
        self.process = self.start()

    def stop(self) -> None:
        self._channel.close()
        self._producer.flush(5)
        self.process.terminate()
        self.process.wait(10)

    def send(self, topic: str, key: str | None, value: Any) -> Watermark:
        """Write one record as any shop would; where it lies."""
        written: list[Watermark] = []

        def told(_error: object, m: Any) -> None:
            written.append(Watermark(topic=m.topic(), partition=m.partition(), offset=m.offset()))

        data = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
        self._producer.produce(topic, data, key, on_delivery=told)
        self._producer.flush(10)
        return written[0]

    def teach(self, tenant: str, family: str, language: str, **changes: Any) -> Watermark:
        question, variants, answer = SHOP[family][language]
        entry_id = f"{tenant}.{family}.{language}"
        record = {
            "tenant": tenant, "entry_id": entry_id, "family": family, "language": language, "question": question,
            "variants": variants, "answer": answer, "topic": family.partition(".")[0], "source": "Help pages",
        }  # fmt: skip
        return self.send(KNOWLEDGE, entry_id, {**record, **changes})

    def ask(self, tenant: str, text: str, *at_least: Watermark, user: str = "", **given: Any) -> list[Any]:
        """All pieces of the reply."""
        who = {"user": UserRef(tenant=tenant, user_id=user)} if user else {"tenant": tenant}
        request = pb.AskRequest(**who, **({"text": text} | given), at_least=at_least)
        return list(self.qa.Ask(request, timeout=30, wait_for_ready=True))

    def answer(self, tenant: str, text: str, *at_least: Watermark, user: str = "", **given: Any) -> Any:
        last = self.ask(tenant, text, *at_least, user=user, **given)[-1]
        assert not last.served.stale
        return last.answer

    def event(self, tenant: str, user: str, text: str, **changes: Any) -> dict[str, Any]:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return {
            "event_id": f"{tenant}-{next(numbers)}", "tenant": tenant, "user_id": user, "kind": "question",
            "text": text, "occurred_at": at, **changes,
        }  # fmt: skip

    def dialogue(self, tenant: str, user: str, dialogue_id: str = "") -> Any:
        request = pb.GetDialogueRequest(user=UserRef(tenant=tenant, user_id=user), dialogue_id=dialogue_id)
        return self.qa.GetDialogue(request, timeout=15, wait_for_ready=True)

    def records(self, topic: str, wanted: Callable[[Any], bool], seconds: float = 15) -> Iterator[Any]:
        """Records of a topic from its beginning, as they come, that are wanted."""
        group = f"test-{next(numbers)}-{os.getpid()}"
        reader = Consumer({"bootstrap.servers": self._kafka, "group.id": group, "auto.offset.reset": "earliest"})
        reader.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(4)])
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until:
                record = reader.poll(0.1)
                if record is not None and not record.error() and wanted(record):
                    yield record
        finally:
            reader.close()


@pytest.fixture(scope="module")
def house(kafka: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(kafka, redis_url, tmp_path_factory.mktemp("qdrant") / "with space")
    yield house
    house.stop()


@pytest.fixture
def shop(house: House, tenant: str) -> str:
    """A tenant that can answer, ready."""
    marks = [house.teach(tenant, family, language) for family in SHOP for language in SHOP[family]]
    assert not house.ask(tenant, "ready?", *marks)[-1].served.stale
    return tenant
