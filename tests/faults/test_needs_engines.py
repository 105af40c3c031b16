"""Redis is killed, loses its last second, slow, full, out of reach; and so is Kafka: needs counts every event once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults.breaking import ERRORS, FAULTS, NETWORK, broken
from faults.embedded import EmbeddedEngines
from faults.needs_house import NeedsHouse
from faults.table import Table
from faults.waiting import until
from proxy import Proxy

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedEngines]:
    """Engines that a test may break for good."""
    started = EmbeddedEngines(tmp_path / "engines")
    yield started
    started.stop()


@pytest.fixture(scope="module")
def between(
    engines: EmbeddedEngines, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[NeedsHouse, dict[str, Proxy]]]:
    """A needs service that reaches Redis and Kafka through proxies only."""
    proxies = {
        "redis": Proxy(int(engines.redis_url.rsplit(":", 1)[1].split("/")[0])),
        "kafka": Proxy(int(engines.kafka.rsplit(":", 1)[1]), kafka=True),
    }
    house = NeedsHouse(
        engines, tmp_path_factory.mktemp("between"), "between",
        ATTUNE_REDIS_URL=f"redis://{proxies['redis'].address}/0", ATTUNE_KAFKA=proxies["kafka"].address,
        ATTUNE_NEEDS_REDIS_TIMEOUT="PT0.5S",
    )  # fmt: skip
    house.service.start()
    yield house, proxies
    house.close()
    for proxy in proxies.values():
        proxy.close()


def test_redis_killed_while_events_flow(engines: EmbeddedEngines, needs: NeedsHouse, table: Table) -> None:
    def strike(number: int) -> None:
        if number % 200 == 100:
            engines.kill("redis")
            engines.start_again("redis")

    needs.shoppers().act(600, per_second=300, also=strike)
    needs.judge(table, "SIGKILL redis", 3)


def test_redis_that_lost_the_end_of_its_file(
    own: EmbeddedEngines, house_of: Callable[[EmbeddedEngines], NeedsHouse], table: Table
) -> None:
    """A machine that loses power loses the last second of the file: the state goes back, and so must the reader."""
    house = house_of(own)
    house.service.start()
    house.shoppers("a").act(200)
    house.caught_up()
    short = size_of(own)
    house.shoppers("b").act(200)
    house.caught_up()
    own.kill("redis")
    cut(own, short)
    own.start_again("redis")
    house.shoppers("c").act(200)
    house.judge(table, "redis loses its last second", 1)


def test_redis_that_lost_the_end_of_its_file_while_nobody_does_anything(
    own: EmbeddedEngines, house_of: Callable[[EmbeddedEngines], NeedsHouse], table: Table
) -> None:
    """Nothing comes that would show it: the service must look by itself."""
    house = house_of(own)
    house.service.start()
    house.shoppers("a").act(200)
    house.caught_up()
    short = size_of(own)
    house.shoppers("b").act(200)
    house.caught_up()
    own.kill("redis")
    cut(own, short)
    own.start_again("redis")
    started = time.monotonic()
    until(lambda: not house.difference().lost, "what was lost to come back")
    house.judge(table, "redis loses its last second, all is quiet", 1, seconds=time.monotonic() - started)


def test_redis_that_is_empty_again(
    own: EmbeddedEngines, house_of: Callable[[EmbeddedEngines], NeedsHouse], table: Table
) -> None:
    house = house_of(own)
    house.service.start()
    house.shoppers("a").act(300)
    house.caught_up()
    own.kill("redis")
    cut(own, 0)
    own.start_again("redis")
    house.shoppers("b").act(300)
    house.judge(table, "redis loses everything", 1)


@pytest.mark.parametrize("fault", [*ERRORS, *NETWORK, "narrow"])
def test_redis_out_of_reach(fault: str, between: tuple[NeedsHouse, dict[str, Proxy]], table: Table) -> None:
    house, proxies = between
    under(fault, proxies["redis"], house, f"redis-{fault}-")
    house.judge(table, f"redis: {FAULTS[fault]}", 1, prefix=f"redis-{fault}-")


@pytest.mark.parametrize("fault", NETWORK)
def test_kafka_out_of_reach(fault: str, between: tuple[NeedsHouse, dict[str, Proxy]], table: Table) -> None:
    house, proxies = between
    under(fault, proxies["kafka"], house, f"kafka-{fault}-")
    house.judge(table, f"kafka: {FAULTS[fault]}", 1, prefix=f"kafka-{fault}-")


def test_redis_stopped_for_a_while(engines: EmbeddedEngines, needs: NeedsHouse, table: Table) -> None:
    engines.signal("redis", signal.SIGSTOP)
    try:
        needs.shoppers().act(300, per_second=300)
    finally:
        engines.signal("redis", signal.SIGCONT)
    needs.judge(table, "redis does not answer", 1)


def under(fault: str, proxy: Proxy, house: NeedsHouse, prefix: str) -> None:
    """Events before, during and after a fault that lasts more than a second."""
    shoppers = house.shoppers(prefix)
    shoppers.act(50, per_second=400)
    with broken(fault, proxy):
        shoppers.act(240, per_second=200)
    shoppers.act(50, per_second=400)


def files_of(engines: EmbeddedEngines) -> Path:
    found = sorted(engines.redis_folder.rglob("*.incr.aof"))
    return found[-1] if found else engines.redis_folder / "appendonly.aof"


def size_of(engines: EmbeddedEngines) -> int:
    return files_of(engines).stat().st_size


def cut(engines: EmbeddedEngines, size: int) -> None:
    """What is behind `size` was written, and is gone."""
    with files_of(engines).open("r+b") as file:
        assert file.seek(0, os.SEEK_END) > size, "there is nothing to cut: the file was written anew in between"
        file.truncate(size)
