"""The service as others meet it: plain JSON producers, gRPC callers, engines that come and go."""

from __future__ import annotations

import base64
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from confluent_kafka import Consumer, Producer
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from attune.needs.v1 import needs_pb2 as pb
from attune.needs.v1.needs_pb2_grpc import NeedsServiceStub
from attune.types.v1.types_pb2 import UserRef, Watermark
from lm.static import StaticEncoder

CLICKS, QUERIES, USERS = "attune.clickstream.v1", "attune.queries.v1", "attune.users.v1"
ERASURES, VECTORS = "attune.erasures.v1", "attune.product-vectors.v1"
NAMES = {"kettle": "red tea kettle", "tea": "green tea leaves", "shoes": "trail running shoes", "tent": "camping tent"}
ENCODER = StaticEncoder.load()
NOW = int(time.time())
numbers = itertools.count(1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class House:
    """A broker, a Redis and one needs service, each its own process, and what a shop does with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        command = [sys.executable, "-m", "attune_embedded.broker", "--partitions", "4"]
        self._broker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._broker.stdout is not None
        self.kafka = json.loads(self._broker.stdout.readline())["bootstrap"]
        self._redis_port, self._port = free_port(), free_port()
        self.start_redis()
        self.start_needs()
        self._producer = Producer(
            {"bootstrap.servers": self.kafka, "partitioner": "murmur2_random", "message.max.bytes": 8_000_000}
        )
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self._port}", [("grpc.max_reconnect_backoff_ms", 200)])
        self.needs = NeedsServiceStub(self._channel)

    def start_redis(self) -> None:
        command = [sys.executable, "-m", "attune_embedded.redis", "--data", str(self._folder)]
        self.redis = subprocess.Popen([*command, "--port", str(self._redis_port)], stdout=subprocess.DEVNULL)

    def start_needs(self) -> None:
        named = {
            "ATTUNE_KAFKA": self.kafka,
            "ATTUNE_REDIS_URL": f"redis://127.0.0.1:{self._redis_port}/0",
            "ATTUNE_GRPC_LISTEN": f"127.0.0.1:{self._port}",
            "ATTUNE_SESSION_TIMEOUT": "PT2S",
            "ATTUNE_RETRY_MOST": "PT0.2S",
            "ATTUNE_LOG_LEVEL": "ERROR",
        }
        self.process = subprocess.Popen([sys.executable, "-m", "needs"], env={**os.environ, **named})

    def stop(self) -> None:
        self._channel.close()
        self._producer.flush(5)
        for process in (self.process, self.redis, self._broker):
            process.terminate()
            process.wait(10)
        assert self._broker.stdout is not None
        self._broker.stdout.close()

    def send(self, topic: str, key: str | None, value: Any, partition: int = -1, **headers: Any) -> Watermark:
        """Write one record as any shop would; where it lies."""
        written: list[Watermark] = []
        data = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
        self._producer.produce(
            topic, data, key, partition, headers=list(headers.items()),
            on_delivery=lambda _, m: written.append(Watermark(topic=m.topic(), partition=m.partition(), offset=m.offset())),
        )  # fmt: skip
        self._producer.flush(10)
        return written[0]

    def product(self, tenant: str, product: str, **changes: Any) -> Watermark:
        vector = ENCODER.encode([NAMES[product]])[0]
        data = base64.b64encode(vector.astype("<f4").tobytes()).decode()
        record = {
            "tenant": tenant,
            "product_id": product,
            "vectors": [{"data": data, "dim": len(vector), "space": ENCODER.space}],
            "words": [{"word": word, "weight": 1} for word in NAMES[product].split()],
            "category": f"for {product}",
            "brand": "Lu",
            "price": {"currency": "EUR", "amount": "19.90"},
        }
        return self.send(VECTORS, product, {**record, **changes})

    def click(self, tenant: str, user: str, product: str, kind: str = "click", **changes: Any) -> Watermark:
        partition = changes.pop("partition", -1)
        event = {"tenant": tenant, "user_id": user, "product_id": product, "kind": kind, **stamped()}
        return self.send(CLICKS, changes.pop("key", user), {**event, **changes}, partition)

    def query(self, tenant: str, user: str, text: str, kind: str = "search", **changes: Any) -> Watermark:
        event = {"tenant": tenant, "user_id": user, "kind": kind, "text": text, **stamped()}
        return self.send(QUERIES, user, {**event, **changes})

    def need(self, tenant: str, user: str, *at_least: Watermark, timeout: float = 15, **ask: Any) -> Any:
        request = pb.GetNeedRequest(user=UserRef(tenant=tenant, user_id=user), at_least=at_least, **ask)
        reply = self.needs.GetNeed(request, timeout=timeout, wait_for_ready=True)
        assert not reply.served.stale
        return reply.need

    def profile(self, tenant: str, user: str, *at_least: Watermark) -> Any:
        request = pb.GetProfileRequest(user=UserRef(tenant=tenant, user_id=user), at_least=at_least)
        return self.needs.GetProfile(request, timeout=15, wait_for_ready=True).profile

    def erase(self, tenant: str, user: str) -> Any:
        request = pb.EraseUserRequest(user=UserRef(tenant=tenant, user_id=user))
        return {line.store: line.count for line in self.needs.EraseUser(request, timeout=15).erased}

    def dead_letter(self, source: Watermark) -> dict[str, str]:
        """Headers of the dead letter of a record."""
        settings = {
            "bootstrap.servers": self.kafka,
            "group.id": f"test-{next(numbers)}",
            "auto.offset.reset": "earliest",
        }
        reader = Consumer(settings)
        reader.subscribe([f"{source.topic}.dead"])
        until = time.monotonic() + 20
        try:
            while time.monotonic() < until:
                record = reader.poll(0.2)
                if record is None or record.error():
                    continue
                headers = {name: value.decode() for name, value in record.headers()}
                if (int(headers["dead-partition"]), int(headers["dead-offset"])) == (source.partition, source.offset):
                    return headers
        finally:
            reader.close()
        raise TimeoutError(f"no dead letter of {source}")


def stamped(seconds: int = 0) -> dict[str, str]:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - 3_600 + seconds))
    return {"event_id": f"event-{next(numbers)}", "occurred_at": at}


def vector(need: Any) -> Any:
    assert need.vector.space == ENCODER.space
    return np.frombuffer(need.vector.data, "<f4")


def like(need: Any, product: str) -> float:
    return float(vector(need) @ ENCODER.encode([NAMES[product]])[0])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("redis"))
    yield house
    house.stop()


@pytest.fixture
def shop(house: House, tenant: str) -> str:
    """A tenant with all products."""
    for product in NAMES:
        house.product(tenant, product)
    return tenant


def test_a_click_moves_the_need_towards_the_product(house: House, shop: str) -> None:
    before = house.need(shop, "ann")
    after = house.need(shop, "ann", house.click(shop, "ann", "kettle"), with_vectors=True)
    assert (before.known, after.known, after.behaviors) == (False, True, 1)
    assert like(after, "kettle") > 0.999 > 0.5 > like(after, "shoes")
    assert after.spectrum[0].product_id == "kettle"
    assert np.frombuffer(after.spectrum[0].vector.data, "<f4") @ vector(after) == pytest.approx(1, abs=1e-5)
    assert [word.word for word in after.words] == ["kettle", "red", "tea"]


def test_a_search_in_chinese_moves_the_need_towards_english_products(house: House, shop: str) -> None:
    need = house.need(shop, "ann", house.query(shop, "ann", "跑鞋"))
    assert like(need, "shoes") > like(need, "tea")
    assert house.profile(shop, "ann").language == "zh"


def test_the_words_of_a_review_are_kept(house: House, shop: str) -> None:
    need = house.need(shop, "ann", house.click(shop, "ann", "tent", "review", rating=5, text="Dry in any storm"))
    assert [behavior.text or behavior.product_id for behavior in need.spectrum] == ["tent", "Dry in any storm"]


def test_an_event_sent_twice_counts_once(house: House, shop: str) -> None:
    house.click(shop, "ann", "tent", event_id="the same")
    again = house.click(shop, "ann", "tent", event_id="the same")
    assert house.need(shop, "ann", again).behaviors == 1


def test_the_record_of_the_shop_is_kept_until_it_is_gone(house: House, shop: str) -> None:
    record = {"tenant": shop, "user_id": f"ann-{shop}", "tier": "gold", "consents": {"marketing": False}}
    profile = house.profile(shop, record["user_id"], house.send(USERS, record["user_id"], record))
    assert (profile.known, profile.tier, dict(profile.consents)) == (True, "gold", {"marketing": False})
    gone = house.profile(shop, record["user_id"], house.send(USERS, record["user_id"], None))
    assert (gone.known, gone.tier) == (False, "")


def test_the_same_person_in_two_shops_is_two_persons(house: House, shop: str) -> None:
    house.product(f"{shop}b", "tent")
    here = house.click(shop, "ann", "tea")
    assert house.need(f"{shop}b", "ann", here).known is False


def test_who_is_erased_is_gone_and_old_events_do_not_bring_them_back(house: House, shop: str) -> None:
    house.need(shop, "ann", house.click(shop, "ann", "tea"), house.query(shop, "ann", "tea"))
    assert house.erase(shop, "ann") == {"redis need": 1, "redis need words": 1, "redis need shop record": 0}
    assert sum(house.erase(shop, "ann").values()) == 0
    late = house.click(shop, "ann", "tea")  # happened an hour ago
    assert house.need(shop, "ann", late).known is False
    new = house.click(shop, "ann", "tent", **stamped(3_600 + 1_000))
    assert [b.product_id for b in house.need(shop, "ann", new).spectrum] == ["tent"]


def test_an_erasure_of_the_log_does_the_same(house: House, shop: str) -> None:
    house.need(shop, "ann", house.click(shop, "ann", "tea"))
    wish = {"event_id": "wish", "tenant": shop, "user_id": "ann", "requested_at": stamped(60)["occurred_at"]}
    asked = house.send(ERASURES, "ann", wish)
    assert house.need(shop, "ann", asked).known is False
    assert house.need(shop, "ann", house.click(shop, "ann", "tea")).known is False


def test_a_watcher_is_told_of_each_change(house: House, shop: str) -> None:
    watched = house.needs.WatchNeed(pb.WatchNeedRequest(user=UserRef(tenant=shop, user_id="ann")), timeout=20)
    assert next(watched).need.known is False
    house.click(shop, "ann", "tea")
    assert next(watched).need.behaviors == 1
    house.query(shop, "ann", "tent")
    assert next(watched).need.behaviors == 2
    watched.cancel()


def test_a_watermark_that_is_not_reached_is_told_as_stale(house: House, shop: str) -> None:
    far = Watermark(topic=CLICKS, partition=0, offset=10**9)
    request = pb.GetNeedRequest(user=UserRef(tenant=shop, user_id="ann"), at_least=[far])
    reply = house.needs.GetNeed(request, timeout=0.5)
    assert (reply.served.stale, reply.served.by) == (True, [ENCODER.space])


BAD = {
    "malformed json": ({"value": b"{"}, "malformed-json", ""),
    "not an object": ({"value": b"[]"}, "malformed-json", ""),
    "unknown kind": ({"kind": "teleport"}, "unknown-enum", "kind"),
    "wrong type": ({"product_id": 7}, "wrong-type", "product_id"),
    "no event id": ({"event_id": ""}, "invalid-field", "event_id"),
    "control characters": ({"product_id": "a\x00b"}, "invalid-field", "product_id"),
    "unknown product": ({"product_id": "nobody's"}, "unknown-product", "product_id"),
    "wrong key": ({"key": "bob"}, "wrong-key", "key"),
    "of the future": ({"occurred_at": "2999-01-01T00:00:00Z"}, "future", "occurred_at"),
    "too large": ({"text": "x" * 2_000_000}, "too-large", "value"),
}


@pytest.mark.parametrize(("wrong", "reason", "field"), BAD.values(), ids=BAD)
def test_a_bad_click_is_dead_with_its_reason_and_the_next_one_counts(
    house: House, shop: str, wrong: dict[str, Any], reason: str, field: str
) -> None:
    if "value" in wrong:
        bad = house.send(CLICKS, "ann", wrong["value"])
    else:
        bad = house.click(shop, "ann", wrong.pop("product_id", "tea"), **wrong)
    good = house.click(shop, "ann", "tea")
    assert house.need(shop, "ann", good).behaviors == 1
    dead = house.dead_letter(bad)
    assert (dead["dead-reason"], dead["dead-field"], dead["dead-service"]) == (reason, field, "needs")
    assert dead["dead-remedy"]


def test_a_producer_with_another_partitioner_is_told_which_one_to_use(house: House, shop: str) -> None:
    right = house.click(shop, "ann", "tea").partition
    dead = house.dead_letter(house.click(shop, "ann", "tea", partition=(right + 1) % 4))
    assert dead["dead-reason"] == "wrong-partition"
    assert "murmur2" in dead["dead-remedy"]


def test_a_vector_of_another_space_is_dead_and_names_both_spaces(house: House, shop: str) -> None:
    other = {"data": base64.b64encode(np.eye(1, 4, dtype="<f4").tobytes()).decode(), "dim": 4, "space": "other@1"}
    dead = house.dead_letter(house.product(shop, "tea", vectors=[other]))
    assert (dead["dead-reason"], dead["dead-value"]) == ("space", "other@1")
    assert ENCODER.space in dead["dead-remedy"]


def test_a_picture_is_dead_while_no_encoder_reads_it(house: House, shop: str) -> None:
    event = {"tenant": shop, "user_id": "ann", "kind": "search", **stamped()}
    dead = house.dead_letter(house.send(QUERIES, "ann", {**event, "image": {"uri": "x", "mime_type": "image/png"}}))
    assert (dead["dead-reason"], dead["dead-field"]) == ("no-encoder", "image")


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.GetNeedRequest(), "user"),
        (pb.GetNeedRequest(user=UserRef()), "user.user_id"),
        (pb.GetNeedRequest(user=UserRef(user_id="a\x00b")), "user.user_id"),
        (pb.GetNeedRequest(user=UserRef(user_id="x" * 129)), "user.user_id"),
        (pb.GetNeedRequest(user=UserRef(user_id="ann", tenant="My Shop")), "user.tenant"),
        (pb.GetNeedRequest(user=UserRef(user_id="ann"), mode=99), "mode"),
        (
            pb.GetNeedRequest(user=UserRef(user_id="ann"), at_least=[Watermark(topic="t", offset=-1)]),
            "at_least[0].offset",
        ),
    ],
    ids=str,
)
def test_a_bad_request_names_the_field_and_the_remedy(house: House, request_: Any, field: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        house.needs.GetNeed(request_, timeout=5, wait_for_ready=True)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    details = error_details_pb2.BadRequest()
    rpc_status.from_call(refused.value).details[0].Unpack(details)
    assert details.field_violations[0].field == field
    assert details.field_violations[0].description


def test_a_killed_service_answers_the_same_and_loses_nothing(house: House, shop: str) -> None:
    house.click(shop, "ann", "kettle")
    before = house.need(shop, "ann", house.query(shop, "ann", "tea"))
    house.process.send_signal(signal.SIGKILL)
    house.process.wait(10)
    meanwhile = house.click(shop, "bob", "tent")
    house.start_needs()
    assert house.need(shop, "ann", timeout=30) == before
    assert house.need(shop, "bob", meanwhile, timeout=30).behaviors == 1


def test_while_redis_is_away_callers_are_told_and_events_wait(house: House, shop: str) -> None:
    house.need(shop, "ann", house.click(shop, "ann", "kettle"))
    house.redis.send_signal(signal.SIGKILL)
    house.redis.wait(10)
    with pytest.raises(grpc.RpcError) as away:
        house.needs.GetNeed(pb.GetNeedRequest(user=UserRef(tenant=shop, user_id="ann")), timeout=5)
    assert away.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "ATTUNE_REDIS_URL" in rpc_status.from_call(away.value).details[0].value.decode()
    waiting = house.click(shop, "ann", "tea")
    house.start_redis()
    assert recovered(house, shop, waiting).behaviors == 2


def recovered(house: House, shop: str, at_least: Watermark) -> Any:
    until = time.monotonic() + 20
    while True:
        try:
            return house.need(shop, "ann", at_least)
        except grpc.RpcError as away:
            if away.code() is not grpc.StatusCode.UNAVAILABLE or time.monotonic() > until:
                raise
