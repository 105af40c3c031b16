"""A person who is erased is gone from every store, whoever was away meanwhile and whatever was still in the log."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from faults.embedded import EmbeddedEngines
from faults.service import Service
from faults.waiting import until
from redis import Redis
from typer.testing import CliRunner

from attune.needs.v1 import needs_pb2, needs_pb2_grpc
from attune.qa.v1 import qa_pb2, qa_pb2_grpc
from attune.types.v1.types_pb2 import UserRef
from attune_cli.main import app

pytestmark = pytest.mark.timeout(300)
_READY = 120.0  # seconds four services may take to start side by side on a loaded machine
SERVICES = ("needs", "recommender", "qa", "content")
SHOP = [
    ("catalog", "product_id", {"product_id": f"p{number}", "title": {"en": name}, "category": "tea",
                               "price": {"currency": "EUR", "amount": f"{number + 1}9.90"}})
    for number, name in enumerate(("Oak tea table", "Green tea sampler", "Copper kettle", "Linen napkins"))
] + [
    ("templates", "template_id", {"template_id": "t", "channel": "banner", "language": "en", "body": "{title}."}),
    ("knowledge", "entry_id", {"entry_id": "returns", "language": "en", "question": "How do I return an item?",
                               "answer": "Send it back within 30 days."}),
]  # fmt: skip


class House:
    """Four services on engines of their own, and the command line."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.engines = folder, EmbeddedEngines(folder / "engines")
        named = self.engines.environment() | self.engines.stores(folder)
        self.services = {name: Service(name, folder / name, named, embedded=True) for name in SERVICES}
        addresses = {f"ATTUNE_{name.upper()}_ADDRESS": each.address for name, each in self.services.items()}
        for each in self.services.values():
            each.environment |= addresses
        self._env = {**named, **addresses, "XDG_STATE_HOME": str(folder / "state"), "NO_COLOR": "1"}
        self.user = UserRef(user_id="")
        self.needs = needs_pb2_grpc.NeedsServiceStub(self.services["needs"].channel)
        self.qa = qa_pb2_grpc.QaServiceStub(self.services["qa"].channel)

    def start(self) -> None:
        for each in self.services.values():
            each.start(ready=False)
        for each in self.services.values():
            each.wait_ready(_READY)

    def kill(self) -> None:
        """All four at once."""
        for each in self.services.values():
            each.kill()

    def close(self) -> None:
        for each in self.services.values():
            each.close()
        self.engines.stop()

    def attune(self, *arguments: str, code: int | None = 0, stdin: str = "") -> Any:
        """The JSON that a command prints, which must end with `code`, or anyhow."""
        done = CliRunner().invoke(app, [*arguments, "--json"], input=stdin, env=self._env)
        assert code in {None, done.exit_code}, f"{arguments} ended with {done.exit_code}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    def send(self, *records: tuple[str, str, dict[str, Any]]) -> None:
        """Topic, field of the key, value."""
        producer = Producer({"bootstrap.servers": self.engines.kafka, "partitioner": "murmur2_random"})
        for topic, key, value in records:
            producer.produce(f"attune.{topic}.v1", json.dumps(value).encode(), value[key])
        assert producer.flush(10) == 0

    def happened(self, *, before: timedelta = timedelta()) -> list[tuple[str, str, dict[str, Any]]]:
        """What the person did some time ago, of every kind that services keep."""
        at = (datetime.now(UTC) - before).isoformat()
        about = {"user_id": self.user.user_id, "occurred_at": at}
        clicks = [{**about, "event_id": f"{self.user.user_id}-{uuid.uuid4()}", "kind": kind, "product_id": product}
                  for kind, product in (("view", "p0"), ("add_to_cart", "p1"), ("purchase", "p2"))]  # fmt: skip
        words = [{**about, "event_id": f"{self.user.user_id}-{uuid.uuid4()}", "kind": kind, "text": text}
                 for kind, text in (("search", "tea for two"), ("question", "How do I return an item?"))]  # fmt: skip
        known = {"user_id": self.user.user_id, "language": "en", "updated_at": at, "consents": {"marketing": True}}
        return [("users", "user_id", known), *(("clickstream", "user_id", each) for each in clicks),
                *(("queries", "user_id", each) for each in words)]  # fmt: skip

    def live(self) -> None:
        """A new person does all that leaves something behind, and is known for it everywhere."""
        self.user = UserRef(user_id=f"erna-{uuid.uuid4()}")
        name = self.user.user_id
        self.send(*self.happened(before=timedelta(minutes=5)))
        until(self.attune_is_level, "the services to read", _READY)
        self.attune("ask", "How do I return an item?", "--user", name)
        said = self.attune("compose", name, "--product", "p0", "--channel", "banner")
        self.attune("send", "click", "--user", name, "--content", "-", "--wait", stdin=json.dumps(said))
        assert self.needs.GetNeed(needs_pb2.GetNeedRequest(user=self.user), timeout=30).need.behaviors > 0
        assert self.turns()

    def turns(self) -> list[Any]:
        return list(self.qa.GetDialogue(qa_pb2.GetDialogueRequest(user=self.user), timeout=30).turns)

    def attune_is_level(self) -> bool:
        """Whether every group has committed all there is."""
        return all(each["behind"] == 0 for each in self.attune("status", code=None)["kafka"]["lag"])

    def traces(self) -> list[str]:
        """Where the user id still stands."""
        name = self.user.user_id.encode()
        return [
            *_in_redis(self.engines.redis_url, name),
            *_in_tables(self.folder, name),
            *_in_vectors(self.folder, name),
        ]


def _in_redis(url: str, name: bytes) -> Iterator[str]:
    readers = {b"string": "GET", b"hash": "HGETALL", b"set": "SMEMBERS"}
    with Redis.from_url(url) as redis:
        for key in redis.scan_iter(count=1000):
            kind = redis.type(key)
            if kind in readers:
                held = redis.execute_command(readers[kind], key)
            else:
                held = redis.execute_command("LRANGE" if kind == b"list" else "ZRANGE", key, 0, -1)
            pieces = [*held, *held.values()] if isinstance(held, dict) else held if kind != b"string" else [held]
            if name in key or any(name in piece for piece in pieces):
                yield f"redis {kind.decode()} {key!r}"


def _in_tables(folder: Path, name: bytes) -> Iterator[str]:
    for file in folder.rglob("*.db"):
        with sqlite3.connect(file) as db:
            for (table,) in db.execute("select name from sqlite_master where type = 'table'").fetchall():
                for row in db.execute(f'select * from "{table}"'):  # noqa: S608 - its own names
                    if any(name in str(cell).encode() or (isinstance(cell, bytes) and name in cell) for cell in row):
                        yield f"sqlite {file.name} {table}"
        db.close()


def _in_vectors(folder: Path, name: bytes) -> Iterator[str]:
    for file in (folder / "qdrant").rglob("*"):
        if file.is_file() and name in file.read_bytes():
            yield f"qdrant {file.name}"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("erasure"))
    try:
        made.start()
        made.send(*SHOP)
        yield made
    finally:
        made.close()


def test_a_service_that_is_away_is_named_and_forgets_when_it_is_back(house: House) -> None:
    house.live()
    house.services["qa"].kill()
    receipt = house.attune("erase", house.user.user_id, code=1)
    assert [each["service"] for each in receipt["pending"]] == ["qa"]
    assert {each["service"] for each in receipt["erased"]} == {"needs", "recommender", "content"}
    assert {each["service"] for each in receipt["erased"] if int(each["count"])} == {"needs", "recommender", "content"}
    assert all(each["what"] and each["where"] and each["erased_at"] for each in receipt["erased"])
    assert receipt["request"]["topic"] == "attune.erasures.v1"
    house.services["qa"].start(ready=False)
    house.services["qa"].wait_ready(_READY)
    until(lambda: not house.turns(), "qa to forget", _READY)
    again = house.attune("erase", house.user.user_id)
    assert {each["service"] for each in again["erased"]} == set(SERVICES)
    assert [each for each in again["erased"] if int(each["count"])] == []
    assert again["pending"] == []


def test_who_comes_back_after_being_erased_is_somebody_new(house: House) -> None:
    house.live()
    house.attune("erase", house.user.user_id)
    house.send(*house.happened())
    until(house.attune_is_level, "the services to read", _READY)
    need = house.needs.GetNeed(needs_pb2.GetNeedRequest(user=house.user), timeout=30).need
    assert 0 < need.behaviors <= 5
    assert list(_in_redis(house.engines.redis_url, house.user.user_id.encode()))


def test_nothing_in_flight_brings_a_person_back(house: House) -> None:
    """Events before the wish and late ones after it are in the log while nobody reads; then everybody reads."""
    house.live()
    house.kill()
    house.send(*house.happened(before=timedelta(minutes=1)))
    receipt = house.attune("erase", house.user.user_id, code=1)
    assert [each["service"] for each in receipt["pending"]] == list(SERVICES)
    house.send(*house.happened(before=timedelta(minutes=1)))
    house.start()
    until(house.attune_is_level, "the services to read what was in the log", _READY)
    assert not house.needs.GetNeed(needs_pb2.GetNeedRequest(user=house.user), timeout=30).need.known
    assert not house.needs.GetProfile(needs_pb2.GetProfileRequest(user=house.user), timeout=30).profile.known
    assert house.turns() == []
    assert [each for each in house.attune("erase", house.user.user_id)["erased"] if int(each["count"])] == []
    house.kill()  # what lies on the disk is looked at while nobody writes
    assert house.traces() == []
