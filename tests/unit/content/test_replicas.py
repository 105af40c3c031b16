"""Two processes of one group count every outcome once, whatever ends them, and each tells what the other has read."""

from __future__ import annotations

import itertools
import json
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from content_peers import Needs, Other, Recommender
from faults.dead_letters_read import letters
from faults.embedded import EmbeddedEngines
from faults.service import Service
from faults.traffic import CLICKS, ERASURES, Sender
from faults.waiting import until
from google.protobuf.json_format import MessageToJson
from typer.testing import CliRunner

from attune.content.v1 import content_pb2 as pb
from attune.content.v1.content_pb2_grpc import ContentServiceStub
from attune.needs.v1 import needs_pb2_grpc
from attune.recommender.v1 import recommender_pb2_grpc
from attune.types.v1.types_pb2 import UserRef, Watermark
from attune_cli.main import app

pytestmark = pytest.mark.timeout(300)
TEMPLATES = "attune.templates.v1"
KINDS = ("impression", "impression", "click", "impression", "purchase", "impression", "click")
PATIENCE = 90.0  # seconds, on a machine that others use


@dataclass
class RealEngines:
    """Kafka and Redis as servers."""

    kafka: str
    redis_url: str
    life: int = 1
    session_timeout: str = "PT6S"  # the least that Kafka allows

    def stop(self) -> None:
        """They are the whole run's."""


@dataclass
class House:
    """Two replicas, what they ask, and a shop that remembers what Kafka acknowledged."""

    engines: Any
    folder: Path
    tenant: str
    said: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.needs = Other(needs_pb2_grpc.add_NeedsServiceServicer_to_server, Needs())
        self.recommender = Other(recommender_pb2_grpc.add_RecommenderServiceServicer_to_server, Recommender())
        told = {
            "ATTUNE_KAFKA": self.engines.kafka,
            "ATTUNE_REDIS_URL": self.engines.redis_url,
            "ATTUNE_NEEDS_ADDRESS": self.needs.address,
            "ATTUNE_RECOMMENDER_ADDRESS": self.recommender.address,
            "ATTUNE_SESSION_TIMEOUT": self.engines.session_timeout,
        }
        embedded = isinstance(self.engines, EmbeddedEngines)
        self.replicas = [Service("content", self.folder / name, told, embedded=embedded) for name in "ab"]
        self.sender = Sender(self.engines.kafka, life=lambda: int(self.engines.life))
        self.numbers = itertools.count()
        self.armed = self.folder / "armed"

    def both(self) -> None:
        """Whichever replica does not run does again."""
        for each in self.replicas:
            if each.process is None or each.process.poll() is not None:
                each.start(ready=False)
        for each in self.replicas:
            each.wait_ready(PATIENCE)

    def open(self) -> None:
        """Both replicas serve, and twelve people have been told something."""
        self.both()
        for name, body in (("have", "{title}: have a look"), ("take", "{title}: take a look")):
            template = {"tenant": self.tenant, "template_id": f"{self.tenant}-{name}", "channel": "banner"}
            self.sender.send(TEMPLATES, template["template_id"], template | {"language": "en", "body": body})
        self.sender.flush()
        self.said = [self.compose(number % 2, f"u{number}").composition for number in range(12)]

    def compose(self, replica: int, user: str, *at_least: Watermark, **ask: Any) -> Any:
        request = pb.ComposeRequest(
            user=UserRef(tenant=self.tenant, user_id=user), at_least=at_least or self.sender.marks([TEMPLATES]),
            **{"product_id": "kettle", "channel": "banner", **ask},
        )  # fmt: skip
        return ContentServiceStub(self.replicas[replica].channel).Compose(request, timeout=PATIENCE)

    def happen(self, count: int) -> None:
        """Outcomes of what was said; one in ten is sent twice, one in twenty is of a text that nobody said."""
        for _ in range(count):
            number = next(self.numbers)
            said, user = self.said[number % len(self.said)], f"u{number % len(self.said)}"
            made_up = number % 20 == 19
            event = {
                "event_id": f"{self.tenant}-{number}",
                "tenant": self.tenant,
                "user_id": user,
                "kind": KINDS[number % len(KINDS)],
                "occurred_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "content": {
                    "composition_id": said.composition_id,
                    "experiment_id": said.experiment_id,
                    "variant_id": "nobody said it" if made_up else said.variant_id,
                    "propensity": said.propensity,
                },
            }
            for _ in range(2 if number % 10 == 3 else 1):
                self.sender.send(CLICKS, user, event)
        self.sender.flush()

    def expected(self) -> tuple[Counter[tuple[str, str]], set[tuple[int, int]]]:
        """(variant, kind) → count, and where the poison stands, by reading what Kafka acknowledged one by one."""
        counts: Counter[tuple[str, str]] = Counter()
        poison, met = set(), set()
        for record in sorted((r for r in self.sender.written if r.topic == CLICKS), key=lambda r: (r.life, r.offset)):
            event: Any = record.value
            variant = event["content"]["variant_id"]
            if variant == "nobody said it":
                poison.add((record.partition, record.offset))
            elif event["event_id"] not in met:
                counts[variant, event["kind"]] += 1
            met.add(event["event_id"])
        return counts, poison

    def counted(self, replica: int) -> tuple[Counter[tuple[str, str]], bool]:
        """What a replica tells once all is applied that Kafka acknowledged; whether it says that it could not wait."""
        request = pb.GetExperimentRequest(
            tenant=self.tenant, experiment_id="banner.en", at_least=self.sender.marks([CLICKS])
        )
        reply = ContentServiceStub(self.replicas[replica].channel).GetExperiment(request, timeout=PATIENCE)
        found: Counter[tuple[str, str]] = Counter()
        for arm in reply.experiments[0].arms:
            for kind in ("impression", "click", "purchase"):
                found[arm.variant_id, kind] = getattr(arm, f"{kind}s")
        return +found, reply.served.stale

    def agree(self, replica: int) -> None:
        """Every outcome that `happen` sent and Kafka acknowledged is counted once, and the reply is not stale."""
        assert self.counted(replica) == (self.expected()[0], False)

    def dead(self) -> set[tuple[int, int]]:
        """Where the records stand that are in the dead letters."""
        return {(each.partition, each.offset) for each in letters(self.engines.kafka, CLICKS)}

    def close(self) -> None:
        for each in self.replicas:
            each.close()
        self.sender.close()
        self.needs.away()
        self.recommender.away()


@pytest.fixture(scope="module", params=["embedded", "real"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("replicas")
    if request.param == "real":
        engines: Any = RealEngines(request.getfixturevalue("real_kafka"), request.getfixturevalue("real_redis_url"))
    else:
        engines = EmbeddedEngines(folder / "engines")
    made = House(engines, folder, f"t{uuid.uuid4().hex[:12]}")
    try:
        made.open()
        yield made
    finally:
        made.close()
        engines.stop()


@pytest.fixture
def house(shop: House) -> House:
    """The shop with both replicas at work, whatever the test before did to them."""
    shop.both()
    return shop


def test_replicas_come_and_go_and_every_outcome_counts_once(house: House) -> None:
    one, other = house.replicas
    house.happen(300)
    for replica in (0, 1):  # neither has read all of it, and both tell all of it
        house.agree(replica)
    house.happen(300)
    one.kill()
    house.happen(300)
    house.agree(1)
    # Killed after Redis has a slice, and before anything else is told of it.
    one.start("--kill", "after:write:3", "--armed", str(house.armed), ready=False)
    one.wait_ready(PATIENCE)
    house.armed.touch()
    house.happen(300)
    one.killed_itself(PATIENCE)
    house.agree(1)
    # A rolling restart, with records in work.
    one.start(ready=False)
    one.wait_ready(PATIENCE)
    house.happen(300)
    other.stop()
    house.happen(300)
    house.agree(0)
    until(lambda: house.dead() >= house.expected()[1], "the dead letters", PATIENCE)


def test_refused_records_are_in_the_dead_letters_though_the_process_ended_before_it_wrote_them(house: House) -> None:
    one, other = house.replicas
    other.stop()
    one.stop()
    house.happen(100)
    one.start("--kill", "before:bury:1", "--armed", str(house.folder), ready=False)
    one.killed_itself(PATIENCE)
    one.start(ready=False)
    one.wait_ready(PATIENCE)
    house.agree(0)
    until(lambda: house.dead() >= house.expected()[1], "the dead letters", PATIENCE)


def test_templates_and_erasures_are_known_to_both(house: House) -> None:
    one, other = house.replicas
    for number in range(6):  # whichever of them reads it
        name = f"{house.tenant}-only-{number}"
        house.sender.send(TEMPLATES, name, {"tenant": house.tenant, "template_id": name, "channel": f"c{number}",
                                            "language": "en", "body": "{title}, once"})  # fmt: skip
    house.sender.flush()
    for number, replica in itertools.product(range(6), (0, 1)):
        reply = house.compose(replica, ("eve", "eva")[replica], channel=f"c{number}", with_candidates=True)
        assert "Harbor Kettle, once" in [text.text for text in (reply.composition, *reply.candidates)]
        assert not reply.served.stale
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    for user in ("eve", "eva"):
        wish = {"event_id": f"{house.tenant}-{user}", "tenant": house.tenant, "user_id": user, "requested_at": at}
        house.sender.send(ERASURES, user, wish)
    house.sender.flush()
    for replica, service in enumerate((one, other)):  # of a person each: who was asked about once has nothing left
        house.compose(replica, "u1", *house.sender.marks([ERASURES]))
        request = pb.EraseUserRequest(user=UserRef(tenant=house.tenant, user_id=("eve", "eva")[replica]))
        erased = ContentServiceStub(service.channel).EraseUser(request, timeout=PATIENCE).erased
        assert [each.count for each in erased] == [0, 0]


def test_send_waits_until_either_replica_has_counted_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_KAFKA", house.engines.kafka)
    monkeypatch.setenv("ATTUNE_NEEDS_ADDRESS", house.needs.address)
    both = ",".join(each.address for each in house.replicas)
    monkeypatch.setenv("ATTUNE_CONTENT_ADDRESS", f"ipv4:{both}")  # round robin
    said = house.said[0]
    text = MessageToJson(said, preserving_proto_field_name=True)

    def clicks() -> int:
        return house.counted(0)[0][said.variant_id, "click"]

    for user in ("u0", "u1", "u2", "u3"):  # of several partitions
        before = clicks()
        told = ["send", "click", "--user", user, "--content", text, "--tenant", house.tenant, "--wait", "--json"]
        sent = CliRunner().invoke(app, told)
        assert sent.exit_code == 0, sent.output
        assert json.loads(sent.stdout)["applied_after_ms"] > 0
        assert clicks() == before + 1
