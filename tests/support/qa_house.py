"""A small shop that answers in both languages, and a house where the service runs."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from ports import free_port

from attune.events.v1 import answer_pb2
from attune.qa.v1 import qa_pb2 as pb
from attune.qa.v1.qa_pb2_grpc import QaServiceStub
from attune.types.v1.types_pb2 import UserRef, Watermark

KNOWLEDGE, CATALOG, QUERIES = "attune.knowledge.v1", "attune.catalog.v1", "attune.queries.v1"
ANSWERS, ERASURES = "attune.answers.v1", "attune.erasures.v1"
DIRECT = answer_pb2.ANSWER_OUTCOME_DIRECT

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
numbers = itertools.count(1)


class House:
    """One qa service in its own process, and what a shop does with it."""

    def __init__(self, kafka: str, redis_url: str, folder: Path, *, session: str = "PT2S") -> None:
        """`session`: how long a killed process stalls its partitions; Apache Kafka allows no less than 6 seconds."""
        self._session = session
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
            "ATTUNE_SESSION_TIMEOUT": self._session,
            "ATTUNE_RETRY_MOST": "PT0.2S",
            "ATTUNE_LOG_LEVEL": "ERROR",
        }
        command = [sys.executable, "-m", "attune_embedded.service", "qa"]
        return subprocess.Popen(command, env={**os.environ, **named})

    def kill_and_start(self) -> None:
        self.process.kill()
        self.process.wait(10)
        self.process = self.start()

    def restart(self) -> None:
        """As a roll-out does it."""
        self.process.terminate()
        self.process.wait(15)
        self.process = self.start()

    def stop(self) -> None:
        self._channel.close()
        self._producer.flush(5)
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()  # or it would outlive the test; the test that it hung in says so
            raise

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
        return list(self.qa.Ask(request, timeout=60, wait_for_ready=True))

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
