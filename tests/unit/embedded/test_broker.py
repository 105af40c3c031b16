from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from attune_embedded import topics
from chassis.kafka.identity import Lives

Run = Callable[..., subprocess.Popen[str]]
BROKER = ("-m", "attune_embedded.broker")
# Runs a broker as its child and passes its line on.
PARENT = """
import os, subprocess, sys
broker = subprocess.Popen([sys.executable, "-m", "attune_embedded.broker", "--parent", str(os.getpid())])
broker.wait()
"""


def announced(broker: subprocess.Popen[str]) -> dict[str, str]:
    assert broker.stdout is not None
    line: dict[str, str] = json.loads(broker.stdout.readline())
    return line


async def test_every_topic_of_the_contract_has_four_partitions_and_a_place_for_its_dead(kafka: str) -> None:
    names = [name for topic in topics.declared() for name in (topic.name, topics.dead(topic.name))]
    assert "attune.clickstream.v1.dead" in names
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        for found in await admin.describe_topics(names):
            assert {each["partition"] for each in found["partitions"]} == {0, 1, 2, 3}, found["topic"]
    finally:
        await admin.close()


def test_topics_know_their_key_and_whether_they_are_compacted() -> None:
    assert topics.Topic("attune.catalog.v1", "product_id", compacted=True) in topics.declared()
    assert topics.Topic("attune.clickstream.v1", "user_id", compacted=False) in topics.declared()


async def life(bootstrap: str) -> str:
    lives = Lives(bootstrap)
    try:
        return (await lives.of(["attune.clickstream.v1"]))["attune.clickstream.v1"]
    finally:
        await lives.close()


async def test_each_start_is_another_life_of_the_log_on_the_same_port(run: Run) -> None:
    first = run(*BROKER)
    one = announced(first)
    port = one["bootstrap"].rpartition(":")[2]
    assert await life(one["bootstrap"]) == one["identity"]
    first.terminate()
    first.communicate()
    two = announced(run(*BROKER, "--port", port))
    assert two["bootstrap"] == one["bootstrap"]
    assert await life(two["bootstrap"]) == two["identity"] != one["identity"]


async def test_a_broker_on_a_chosen_port_takes_records_and_gives_them_back(run: Run) -> None:
    free = run(*BROKER)
    port = announced(free)["bootstrap"].rpartition(":")[2]
    free.terminate()
    free.communicate()
    bootstrap = announced(run(*BROKER, "--port", port))["bootstrap"]
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    consumer = AIOKafkaConsumer(
        "attune.users.v1", bootstrap_servers=bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=20
    )
    await producer.start()
    await consumer.start()
    try:
        await producer.send_and_wait("attune.users.v1", b"{}", key=b"ada")
        assert (await consumer.getone()).key == b"ada"
    finally:
        await producer.stop()
        await consumer.stop()


def test_a_taken_port_is_said(run: Run) -> None:
    port = announced(run(*BROKER))["bootstrap"].rpartition(":")[2]
    second = run(*BROKER, "--port", port)
    _, said = second.communicate()
    assert second.returncode == 1
    assert f"port {port} of 127.0.0.1 is in use" in said


def test_the_broker_ends_when_its_parent_is_killed(run: Run) -> None:
    parent = run("-c", PARENT)
    broker = psutil.Process(int(announced(parent)["pid"]))
    parent.kill()
    _, still_there = psutil.wait_procs([broker], timeout=10)
    assert not still_there


def test_the_broker_refuses_a_parent_that_is_not_its_own(run: Run) -> None:
    broker = run(*BROKER, "--parent", "1")
    broker.communicate()
    assert broker.returncode == 1
