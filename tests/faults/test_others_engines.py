"""Kafka, Redis and Neo4j are away, killed, slow, out of reach: recommender, content and qa count every event once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from faults.breaking import NETWORK
from faults.needs_house import NeedsHouse
from faults.table import Table
from faults.town import STORES, Town
from faults.traffic import CLICKS, QUERIES
from faults.waiting import until

if TYPE_CHECKING:
    from faults.real import RealEngines

pytestmark = pytest.mark.timeout(300)
_HOURS = 6 * 3_600


@pytest.fixture(scope="module")
def town(real: RealEngines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The three services, started by the first test that needs them."""
    made = Town(real, tmp_path_factory.mktemp("town"))
    yield made
    made.close()


def test_services_that_start_before_kafka_and_its_topics_wait_for_both(
    real: RealEngines, town: Town, house_of: Callable[[RealEngines], NeedsHouse], table: Table
) -> None:
    """As on a machine where everything starts at once, and somebody makes the topics later."""
    needs = house_of(real)
    all_four = [needs.service, *(house.service for house in town.houses)]
    real.delete(CLICKS, QUERIES)
    real.kill("kafka")
    needs.service.start(ready=False)
    town.start()
    for service in all_four:
        until(lambda said=service: "waiting" in said.log, f"{service.name} to wait for Kafka", 60)  # type: ignore[misc]
    real.start_again("kafka")
    assert not any(service.serves() for service in all_four), "nobody can count what has no topic"
    real.make_anew(CLICKS, QUERIES)
    needs.service.wait_ready()
    town.ready()
    with town.acting("early", 0.5):
        needs.shoppers().act(100)
    needs.judge(table, "needs, started before kafka and its topics", 1)
    town.judge(table, lambda _: "started before kafka and its topics", 1, "early")


@pytest.mark.parametrize("fault", ["refuse", "blackhole"])
def test_kafka_out_of_reach(fault: str, town: Town, table: Table) -> None:
    """What reads it is one piece of code; with needs, it has met the slow and the torn network too."""
    town.under(f"kafka-{fault}-", lambda _: ("kafka", fault), table)


@pytest.mark.parametrize("fault", NETWORK)
def test_stores_out_of_reach(fault: str, town: Town, table: Table) -> None:
    """Redis under content and qa, Neo4j under the recommender."""
    town.under(f"stores-{fault}-", lambda house: (STORES[house.name], fault), table)


def test_redis_that_answers_errors(town: Town, table: Table) -> None:
    """Neo4j goes on."""
    keepers = [house for house in town.houses if STORES[house.name] == "redis"]
    town.under("errors-", lambda _: ("redis", "errors"), table, keepers)


def test_kafka_killed_while_events_flow(real: RealEngines, town: Town, table: Table) -> None:
    town.ready()
    with town.acting("kafka-killed-", 2.0):
        time.sleep(0.5)
        real.kill("kafka")
        real.start_again("kafka")
    town.judge(table, lambda _: "SIGKILL real kafka", 1, "kafka-killed-")


def test_stores_killed_while_events_flow(real: RealEngines, town: Town, table: Table) -> None:
    """Redis and Neo4j at once: nobody here keeps what it counts in both."""
    town.ready()
    with town.acting("stores-killed-", 2.5):
        for name in ("neo4j", "redis"):
            time.sleep(0.5)
            real.kill(name)
            real.start_again(name)
    town.judge(table, lambda house: f"SIGKILL real {STORES[house.name]}", 1, "stores-killed-")


def test_a_clock_that_jumps_ahead_and_back(town: Town, table: Table) -> None:
    town.ready()
    with town.acting("clock-", 1.2):
        for hours in (_HOURS, -_HOURS, 0):
            time.sleep(0.3)
            town.clock.write_text(str(hours))
    town.judge(table, lambda _: "clock jumps by six hours", 3, "clock-")
