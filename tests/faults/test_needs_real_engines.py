"""Needs on the engines of production: Kafka is killed, members come and go, the log is cut or begins anew."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from faults.needs_house import NeedsHouse
from faults.service import Service
from faults.table import Table
from faults.traffic import CLICKS

if TYPE_CHECKING:
    from faults.real import RealEngines

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def house(real: RealEngines, house_of: Callable[[Any], NeedsHouse]) -> NeedsHouse:
    """A needs service that serves."""
    made = house_of(real)
    made.service.start()
    return made


def test_kafka_killed_while_events_flow(real: RealEngines, house: NeedsHouse, table: Table) -> None:
    def strike(number: int) -> None:
        if number == 150:
            real.kill("kafka")
            real.start_again("kafka")

    house.shoppers().act(400, per_second=200, also=strike)
    house.judge(table, "SIGKILL real kafka", 1)


def test_redis_killed_while_events_flow(real: RealEngines, house: NeedsHouse, table: Table) -> None:
    def strike(number: int) -> None:
        if number % 200 == 100:
            real.kill("redis")
            real.start_again("redis")

    house.shoppers().act(600, per_second=300, also=strike)
    house.judge(table, "SIGKILL real redis", 3)


def test_replicas_come_and_go_while_events_flow(house: NeedsHouse, table: Table) -> None:
    """A second replica joins, the first one restarts, the second one is killed, with batches in work each time."""
    second = replica(house)
    shoppers = house.shoppers()
    flow = threading.Thread(target=shoppers.act, args=(2_000,), kwargs={"per_second": 250.0})
    flow.start()
    try:
        second.start()
        house.service.stop()
        house.service.start()
        second.kill()
        flow.join()
        house.judge(table, "rebalances: join, leave, SIGKILL", 3)
    finally:
        flow.join()
        second.close()


def test_a_log_whose_beginning_is_gone_is_read_from_where_it_begins(
    real: RealEngines, house: NeedsHouse, table: Table
) -> None:
    """Retention removed what a consumer, long away, had not read: that is lost to everyone; the rest counts once."""
    house.shoppers("a").act(300)
    house.caught_up()
    house.service.stop()
    house.shoppers("gone").act(300)
    house.sender.flush()
    admin = AdminClient({"bootstrap.servers": real.kafka})
    ends = [TopicPartition(m.topic, m.partition, m.offset + 1) for m in house.marks() if m.topic == CLICKS]
    for done in admin.delete_records(ends).values():
        done.result(10)
    house.shoppers("b").act(300)
    house.service.start()
    house.caught_up()
    assert house.difference("gone").lost == 300
    house.judge(table, "log cut past the consumer", 1, prefix="a")
    house.judge(table, "log cut past the consumer", 1, prefix="b")


def test_a_topic_that_was_made_anew_counts_from_its_beginning(
    real: RealEngines, house: NeedsHouse, table: Table
) -> None:
    house.shoppers("old").act(400)
    house.caught_up()
    house.service.stop()
    real.delete(CLICKS)
    real.make_anew(CLICKS)
    house.shoppers("new").act(300)
    house.service.start()
    house.caught_up()
    house.judge(table, "topic deleted and made anew", 1, prefix="new")


def replica(house: NeedsHouse) -> Service:
    folder = Path(house.folder) / "second"
    environment = {name: value for name, value in house.service.environment.items() if name.startswith("ATTUNE_")}
    return Service("needs", folder, environment, embedded=house.engines.edition == "embedded")
