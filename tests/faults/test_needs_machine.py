"""The machine itself: a clock that jumps, a disk that is full, a broker that begins anew, members that come and go."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from disks import fill, small_disk
from faults.embedded import EmbeddedEngines
from faults.needs_house import NeedsHouse
from faults.needs_oracle import PRODUCTS
from faults.service import Service
from faults.table import Table
from faults.waiting import until
from redis import Redis
from redis.exceptions import ResponseError
from typer.testing import CliRunner

from attune.needs.v1.needs_pb2 import GetProfileRequest
from attune.needs.v1.needs_pb2_grpc import NeedsServiceStub
from attune.types.v1.types_pb2 import UserRef
from attune_cli.main import app

pytestmark = pytest.mark.timeout(300)
_HOURS = 6 * 3_600


@pytest.fixture
def six_megabytes(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own."""
    with small_disk(tmp_path / "disk", 6) as folder:
        yield folder


def test_a_clock_that_jumps_ahead_and_back(
    engines: EmbeddedEngines, house_of: Callable[[EmbeddedEngines], NeedsHouse], table: Table
) -> None:
    house, jumps = house_of(engines), iter((_HOURS, -_HOURS, 0))
    clock = house.folder / "clock"
    house.service.start("--clock", str(clock))

    def jump(number: int) -> None:
        if number % 150 == 100:
            clock.write_text(str(next(jumps)))

    house.shoppers().act(450, per_second=300, also=jump)
    house.judge(table, "clock jumps by six hours", 3)


def test_a_full_disk_under_redis(
    six_megabytes: Path, house_of: Callable[[EmbeddedEngines], NeedsHouse], table: Table
) -> None:
    """Redis refuses to write until there is room; events wait, and what was acknowledged to us is still there."""
    engines = EmbeddedEngines(six_megabytes)
    try:
        house = house_of(engines)
        house.service.start()
        shoppers = house.shoppers(people=100)
        shoppers.act(300)
        house.caught_up()
        filler = six_megabytes / "filler"
        fill(filler)
        shoppers.act(600, per_second=300)
        house.sender.flush()
        assert "MISCONF" in refusal(engines.redis_url), "the disk was never full for Redis"
        filler.unlink()
        house.judge(table, "disk full under redis", 1)
    finally:
        engines.stop()


def test_a_broker_that_begins_anew(
    tmp_path: Path, house_of: Callable[[EmbeddedEngines], NeedsHouse], table: Table
) -> None:
    """The embedded broker forgets its log when it ends; small offsets of its next life are new all the same."""
    engines = EmbeddedEngines(tmp_path / "engines")
    try:
        house = house_of(engines)
        house.service.start()
        house.shoppers("a").act(400)
        house.caught_up()
        ended = house.lives()
        engines.kill("kafka")
        engines.start_again("kafka")
        house.new_sender()
        house.load_products()
        house.shoppers("b").act(300)
        until(lambda: not house.lives() & ended, "needs to notice that the log began anew", 30)
        house.judge(table, "broker begins anew", 1)
    finally:
        engines.stop()


def test_replicas_come_and_go_while_events_flow(
    needs: NeedsHouse, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two replicas restart in turn, as in a roll-out, while batches are in work; before it, one asks each of them."""
    told = {name: value for name, value in needs.service.environment.items() if name.startswith("ATTUNE_")}
    second = Service("needs", needs.folder / "second", told, embedded=True)
    second.start()
    monkeypatch.setenv("ATTUNE_KAFKA", needs.engines.kafka)
    for replica in (needs.service, second):
        monkeypatch.setenv("ATTUNE_NEEDS_ADDRESS", replica.address)
        for number in range(6):  # of several partitions: each replica applies those of two
            send_and_wait(needs.tenant, f"{replica.port}-{number}", replica)
    shoppers = needs.shoppers()
    flow = threading.Thread(target=shoppers.act, args=(1_500,), kwargs={"per_second": 150.0})
    flow.start()
    try:
        needs.service.stop()
        needs.service.start()
        second.stop()
        flow.join()
        needs.judge(table, "rolling restart of two replicas", 3)
    finally:
        flow.join()
        second.close()


def send_and_wait(tenant: str, user: str, replica: Service) -> None:
    """`attune send --wait` ends when the replica that is asked can tell, whichever of them has the partition."""
    told = ["send", "view", "--user", user, "--product", PRODUCTS[0], "--tenant", tenant, "--wait"]
    sent = CliRunner().invoke(app, told)
    assert sent.exit_code == 0, sent.output
    request = GetProfileRequest(user=UserRef(tenant=tenant, user_id=user))
    assert dict(NeedsServiceStub(replica.channel).GetProfile(request, timeout=10).profile.kinds) == {"view": 1}


def refusal(redis_url: str) -> str:
    """What Redis says to who writes; it finds out about its disk with the writes themselves."""
    with Redis.from_url(redis_url) as redis:
        return until(lambda: _refused(redis), "Redis to refuse a write")


def _refused(redis: Redis[bytes]) -> str:
    try:
        redis.set("filler", b"x" * 4_096)
    except ResponseError as error:
        return str(error)
    return ""
