"""A producer and a caller that know nothing of our libraries."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from confluent_kafka import Producer
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

if TYPE_CHECKING:
    from conftest import Attune

TOPIC = "attune.clickstream.v1"
Call = Callable[[str, str, dict[str, Any]], dict[str, Any]]


@pytest.fixture
def call(attune: Attune) -> Iterator[Call]:
    """Calls a method with a JSON request, by reflection alone."""
    opened = []

    def ask(service: str, method: str, request: dict[str, Any]) -> dict[str, Any]:
        short = service.split(".")[1]
        channel = grpc.insecure_channel(attune.record()[short])
        opened.append(channel)
        pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        found = pool.FindServiceByName(service).FindMethodByName(method)
        question = json_format.ParseDict(request, message_factory.GetMessageClass(found.input_type)())
        reply = message_factory.GetMessageClass(found.output_type)
        invoke = channel.unary_unary(
            f"/{service}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=reply.FromString,
        )
        answer: dict[str, Any] = json_format.MessageToDict(
            invoke(question, timeout=5), preserving_proto_field_name=True
        )
        return answer

    yield ask
    for channel in opened:
        channel.close()


class Shop:
    """A plain producer of JSON."""

    def __init__(self, bootstrap: str, **more: object) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, **more})

    def send(self, user: str, kind: str, product: str) -> dict[str, object]:
        """Send one event; where it was written, as a watermark."""
        event = {
            "event_id": uuid.uuid4().hex,
            "user_id": user,
            "kind": kind,
            "product_id": product,
            "occurred_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        }
        written: list[dict[str, object]] = []

        def delivered(error: object, message: Any) -> None:
            assert error is None
            written.append({"topic": TOPIC, "partition": message.partition(), "offset": message.offset()})

        self._producer.produce(TOPIC, key=user, value=json.dumps(event), on_delivery=delivered)
        self._producer.flush(10)
        return written[0]


def test_a_foreign_producer_and_a_foreign_client_see_a_need_move(attune: Attune, call: Call) -> None:
    shop = Shop(attune.record()["kafka"], partitioner="murmur2_random")
    user = f"foreign-{uuid.uuid4().hex[:8]}"
    found = call("attune.recommender.v1.RecommenderService", "Search", {"text": "帐篷", "k": 5})["recommendations"]
    product = found[0]["product"]["product_id"]
    before = call("attune.recommender.v1.RecommenderService", "Recommend", {"user": {"user_id": user}})
    mark = shop.send(user, "add_to_cart", product)
    request = {"user": {"user_id": user}, "at_least": [mark]}
    need = call("attune.needs.v1.NeedsService", "GetNeed", request)["need"]
    after = call("attune.recommender.v1.RecommenderService", "Recommend", request)
    assert need["spectrum"][0]["product_id"] == product
    first, then = ([each["product"]["product_id"] for each in r["recommendations"]] for r in (before, after))
    assert first != then
    assert product not in then


def test_a_wrong_partitioner_is_told_by_the_dead_letter(attune: Attune) -> None:
    shop = Shop(attune.record()["kafka"], partitioner="consistent")
    for number in range(8):  # the two partitioners agree on one key in four
        shop.send(f"crc-{number}-{uuid.uuid4().hex[:6]}", "view", "whatever")
    until = time.monotonic() + 20
    while "murmur2" not in (said := attune("dead-letters", "show", TOPIC)):
        assert time.monotonic() < until, said


def test_an_invalid_request_names_its_fields_to_a_foreign_client(call: Call) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call("attune.recommender.v1.RecommenderService", "Recommend", {"user": {"user_id": ""}, "k": 10_000})
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "user.user_id" in caught.value.details()
    assert "k:" in caught.value.details()


def test_a_vector_of_another_space_is_refused(call: Call) -> None:
    vector = {"data": "AACAPwAAAAA=", "dim": 2, "space": "someone-elses@1"}
    with pytest.raises(grpc.RpcError) as caught:
        call("attune.recommender.v1.RecommenderService", "Search", {"vector": vector})
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "someone-elses@1" in caught.value.details()
