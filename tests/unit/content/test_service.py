"""The service as it runs: a process between Kafka, Redis, and two other services that come and go."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from confluent_kafka import Producer
from content_peers import Needs, Other, Recommender
from dead_letters import headers_of_dead_letter
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from ports import free_port

from attune.content.v1 import content_pb2 as pb
from attune.content.v1.content_pb2_grpc import ContentServiceStub
from attune.needs.v1 import needs_pb2_grpc
from attune.recommender.v1 import recommender_pb2_grpc
from attune.types.v1.types_pb2 import UserRef, Watermark

numbers = itertools.count(1)


class House:
    """The service between everything."""

    def __init__(self, kafka: str, redis_url: str) -> None:
        self.needs = Other(needs_pb2_grpc.add_NeedsServiceServicer_to_server, Needs())
        self.recommender = Other(recommender_pb2_grpc.add_RecommenderServiceServicer_to_server, Recommender())
        address = f"127.0.0.1:{free_port()}"
        named = {
            "ATTUNE_KAFKA": kafka,
            "ATTUNE_REDIS_URL": redis_url,
            "ATTUNE_NEEDS_ADDRESS": self.needs.address,
            "ATTUNE_RECOMMENDER_ADDRESS": self.recommender.address,
            "ATTUNE_GRPC_LISTEN": address,
            "ATTUNE_CONTENT_AWAY_PAUSE": "PT0.2S",
            "ATTUNE_LOG_LEVEL": "ERROR",
        }
        command = [sys.executable, "-m", "attune_embedded.service", "content"]
        self.process = subprocess.Popen(command, env={**os.environ, **named})
        self._kafka = kafka
        self._producer = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random"})
        self._channel = grpc.insecure_channel(address)
        self.content = ContentServiceStub(self._channel)
        grpc.channel_ready_future(self._channel).result(60)

    def stop(self) -> None:
        self._channel.close()
        self._producer.flush(5)
        del self._producer  # before its broker ends
        self.process.terminate()
        self.process.wait(10)
        self.needs.away()
        self.recommender.away()

    def send(self, topic: str, key: str, value: Any) -> Watermark:
        written: list[Watermark] = []

        def told(_error: object, m: Any) -> None:
            written.append(Watermark(topic=m.topic(), partition=m.partition(), offset=m.offset()))

        data = None if value is None else json.dumps(value).encode()
        self._producer.produce(f"attune.{topic}.v1", data, key, on_delivery=told)
        self._producer.flush(10)
        return written[0]

    def template(self, tenant: str, name: str, body: str, **changes: str) -> Watermark:
        record = {"tenant": tenant, "template_id": name, "channel": "push", "language": "en", "body": body, **changes}
        return self.send("templates", name, record)

    def outcome(self, tenant: str, user: str, said: Any, kind: str, **changes: Any) -> Watermark:
        content = {
            name: getattr(said, name) for name in ("composition_id", "experiment_id", "variant_id", "propensity")
        }
        event = {
            "event_id": f"event-{next(numbers)}",
            "tenant": tenant,
            "user_id": user,
            "occurred_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "kind": kind,
            "content": {**content, **changes},
        }
        return self.send("clickstream", user, event)

    def compose(self, tenant: str, user: str, *at_least: Watermark, timeout: float = 20, **ask: Any) -> Any:
        request = pb.ComposeRequest(
            user=UserRef(tenant=tenant, user_id=user), at_least=at_least,
            **{"product_id": "kettle", "channel": "push", **ask},
        )  # fmt: skip
        return self.content.Compose(request, timeout=timeout, wait_for_ready=True)

    def experiment(self, tenant: str, name: str) -> Any:
        return self.content.GetExperiment(
            pb.GetExperimentRequest(tenant=tenant, experiment_id=name), timeout=10
        ).experiments[0]

    def dead_letter(self, source: Watermark) -> dict[str, str]:
        """Headers of the dead letter of a record."""
        return headers_of_dead_letter(self._kafka, source)


def refused(call: Any, *arguments: Any, **named: Any) -> tuple[grpc.StatusCode, str, list[Any]]:
    """Status, message and field violations of a call that must fail."""
    with pytest.raises(grpc.RpcError) as error:
        call(*arguments, **named)
    status = rpc_status.from_call(error.value)
    details = error_details_pb2.BadRequest()
    if status is not None and status.details:
        status.details[0].Unpack(details)
    return error.value.code(), error.value.details(), list(details.field_violations)


@pytest.fixture(scope="module")
def house(kafka: str, redis_url: str) -> Iterator[House]:
    house = House(kafka, redis_url)
    yield house
    house.stop()


def test_a_template_from_kafka_becomes_a_text_with_checked_facts(house: House, tenant: str) -> None:
    written = house.template(tenant, "price", "{title} for {price}")
    reply = house.compose(tenant, "ada", written, with_candidates=True)
    assert not reply.served.stale
    assert not reply.served.fallbacks
    said = [reply.composition, *reply.candidates]
    assert "Harbor Kettle for €49.90" in [text.text for text in said]
    assert all(fact.holds for fact in reply.composition.facts)
    assert {"title"} <= {fact.field for fact in reply.composition.facts}
    assert reply.composition.score.value == pytest.approx(sum(t.contribution for t in reply.composition.score.terms))
    assert 0 < reply.composition.probability <= 1
    assert 0 < reply.composition.propensity <= 1
    assert "template" in reply.served.by


def test_without_any_template_of_the_shop_the_generator_writes_in_both_languages(house: House, tenant: str) -> None:
    english, chinese = house.compose(tenant, "ada").composition, house.compose(tenant, "mei").composition
    assert (english.language, chinese.language) == ("en", "zh")
    assert "Harbor Kettle" in english.text
    assert "海港水壶" in chinese.text
    assert english.variant_id == chinese.variant_id == "generated:template"


def test_impressions_and_clicks_over_kafka_are_counted_once(house: House, tenant: str) -> None:
    written = house.template(tenant, "only", "{title}: have a look")
    said = house.compose(tenant, "ada", written).composition
    house.outcome(tenant, "ada", said, "impression")
    clicked = house.outcome(tenant, "ada", said, "click")
    house.compose(tenant, "ada", clicked)
    found = house.experiment(tenant, said.experiment_id)
    assert (found.impressions, found.clicks) == (1, 1)
    arms = {arm.variant_id: arm for arm in found.arms}
    assert set(arms) == {"only", "generated:template"}
    assert arms[said.variant_id].low < arms[said.variant_id].mean < arms[said.variant_id].high
    assert sum(arm.probability_best for arm in found.arms) == pytest.approx(1, abs=0.01)
    listed = house.content.GetExperiment(pb.GetExperimentRequest(tenant=tenant), timeout=10).experiments
    assert [(experiment.experiment_id, len(experiment.arms)) for experiment in listed] == [("push.en", 0)]


def test_a_template_without_a_value_is_gone(house: House, tenant: str) -> None:
    house.template(tenant, f"t-{tenant}", "{title}: gone soon")
    gone = house.send("templates", f"t-{tenant}", None)
    reply = house.compose(tenant, "ada", gone, with_candidates=True)
    assert "Harbor Kettle: gone soon" not in [c.text for c in (reply.composition, *reply.candidates)]


def test_bad_records_go_to_the_dead_letters_and_the_good_ones_beside_them_count(house: House, tenant: str) -> None:
    bad = house.template(tenant, "bad", "{titel}")
    said = house.compose(tenant, "ada", house.template(tenant, "good", "{title}, well")).composition
    headers = house.dead_letter(bad)
    assert (headers["dead-reason"], headers["dead-field"], headers["dead-value"]) == (
        "invalid-template",
        "body",
        "{titel}",
    )
    assert "{title}" in headers["dead-remedy"]
    invented = house.outcome(tenant, "ada", said, "click", variant_id="invented")
    house.compose(tenant, "ada", house.outcome(tenant, "ada", said, "click"))
    assert house.dead_letter(invented)["dead-reason"] == "unknown-variant"
    assert house.experiment(tenant, said.experiment_id).clicks == 1


def test_bad_requests_name_the_field_the_value_and_the_remedy(house: House, tenant: str) -> None:
    code, message, (violation,) = refused(house.compose, tenant, "ada", product_id="teapot")
    assert (code, violation.field) == (grpc.StatusCode.NOT_FOUND, "product_id")
    assert "'teapot'" in message
    code, message, (violation,) = refused(house.compose, tenant, "bob")
    assert (code, violation.field) == (grpc.StatusCode.FAILED_PRECONDITION, "channel")
    assert "consents.marketing" in message
    code, _, (violation,) = refused(house.experiment, tenant, "sms.en")
    assert (code, violation.field) == (grpc.StatusCode.NOT_FOUND, "experiment_id")
    code, _, (violation,) = refused(house.compose, tenant, "")
    assert (code, violation.field) == (grpc.StatusCode.INVALID_ARGUMENT, "user.user_id")
    code, _, (violation,) = refused(house.compose, tenant, "ada", channel="x" * 100_000)
    assert (code, violation.field) == (grpc.StatusCode.INVALID_ARGUMENT, "channel")


def test_who_is_erased_gets_a_receipt_and_has_nothing_left(house: House, tenant: str) -> None:
    house.compose(tenant, "ada")
    request = pb.EraseUserRequest(user=UserRef(tenant=tenant, user_id="ada"))
    receipts = house.content.EraseUser(request, timeout=10).erased
    assert [(receipt.service, receipt.store, receipt.count) for receipt in receipts] == [
        ("content", "redis composition", 1),
        ("content", "redis composition responses", 0),
    ]
    assert all(receipt.erased_at.seconds > 0 for receipt in receipts)
    assert house.content.EraseUser(request, timeout=10).erased[0].count == 0


def test_an_erasure_over_kafka_does_the_same(house: House, tenant: str) -> None:
    house.compose(tenant, "ada")
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))
    wanted = {"event_id": "erase", "tenant": tenant, "user_id": "ada", "requested_at": at}
    erased = house.send("erasures", "ada", wanted)
    house.compose(tenant, "eve", erased)
    request = pb.EraseUserRequest(user=UserRef(tenant=tenant, user_id="ada"))
    assert house.content.EraseUser(request, timeout=10).erased[0].count == 0


def test_a_watermark_that_does_not_come_makes_the_reply_stale(house: House, tenant: str) -> None:
    never = Watermark(topic="attune.templates.v1", partition=0, offset=10_000_000)
    assert house.compose(tenant, "ada", never, timeout=1.5).served.stale


def test_services_that_are_away_are_said_to_be_and_found_again_without_a_restart(house: House, tenant: str) -> None:
    house.compose(tenant, "ada")
    house.recommender.away()
    reply = house.compose(tenant, "ada")
    assert [f.component for f in reply.served.fallbacks] == ["recommender"]
    assert reply.served.fallbacks[0].used.startswith("record of ")
    code, message, _ = refused(house.compose, tenant, "ada", product_id="never seen")
    assert code == grpc.StatusCode.UNAVAILABLE
    assert "no fact can be checked" in message
    house.needs.away()
    code, _, (violation,) = refused(house.compose, tenant, "ada")
    assert (code, violation.field) == (grpc.StatusCode.UNAVAILABLE, "channel")
    banner = house.compose(tenant, "ada", channel="banner")
    assert {f.component for f in banner.served.fallbacks} == {"needs", "recommender"}
    house.needs.back()
    house.recommender.back()
    until = time.monotonic() + 15
    while house.compose(tenant, "ada", channel="banner").served.fallbacks:
        assert time.monotonic() < until
    assert not house.compose(tenant, "ada").served.fallbacks
