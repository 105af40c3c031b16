"""Real servers answer, and are set up as the platform needs them."""

from __future__ import annotations

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from neo4j import AsyncGraphDatabase
from real_engines import Graph
from redis.asyncio import Redis

from attune_embedded import topics
from attune_servers import Servers
from attune_servers.neo4j import Neo4j
from attune_servers.present import ServerUnavailableError

FIRST = TopicPartition("attune.clickstream.v1", 0)


async def test_kafka_has_every_topic_of_the_contract_with_its_dead_letters_and_retention(real_kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=real_kafka)
    await admin.start()
    try:
        wanted = {topic.name: "compact" if topic.compacted else "delete" for topic in topics.declared()}
        wanted |= {topics.dead(name): "delete" for name in wanted}
        asked = [ConfigResource(ConfigResourceType.TOPIC, name, configs={"cleanup.policy": None}) for name in wanted]
        answers = await admin.describe_configs(asked)
        found = {name: configs[0][1] for answer in answers for _, _, _, name, configs in answer.resources}
        described = await admin.describe_topics(list(wanted))
    finally:
        await admin.close()
    assert found == wanted
    assert {each["topic"]: len(each["partitions"]) for each in described} == dict.fromkeys(wanted, 4)


async def test_kafka_keeps_what_it_acknowledged_when_it_is_killed(servers: Servers) -> None:
    async with AIOKafkaProducer(bootstrap_servers=servers.kafka, acks="all") as producer:
        sent = await producer.send_and_wait(FIRST.topic, b"hello", partition=FIRST.partition)
    await servers.kill("kafka")
    await servers.start_again("kafka")
    async with AIOKafkaConsumer(bootstrap_servers=servers.kafka) as consumer:
        consumer.assign([FIRST])
        consumer.seek(FIRST, sent.offset)
        assert (await consumer.getone()).value == b"hello"


async def test_topics_that_exist_are_left_as_they_are(servers: Servers) -> None:
    assert await servers.make_topics(partitions=9) == []


async def test_redis_writes_an_append_only_file_and_evicts_nothing(real_redis_url: str) -> None:
    async with Redis.from_url(real_redis_url) as client:
        named = ("appendonly", "appendfsync", "maxmemory-policy")
        settings = {name: (await client.config_get(name))[name] for name in named}  # one a call: Redis 6 takes no more
    assert settings == {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}


async def test_neo4j_answers_to_its_password_only(neo4j_url: Graph) -> None:
    url, user, password = neo4j_url
    async with AsyncGraphDatabase.driver(url, auth=(user, password), telemetry_disabled=True) as driver:
        found = await driver.execute_query("CALL dbms.components() YIELD edition RETURN edition", database_="neo4j")
    assert (password != "neo4j", found.records[0]["edition"]) == (True, "community")  # noqa: S105 - the factory's


def test_the_graph_password_can_be_read_by_its_owner_only(servers: Servers) -> None:
    assert (servers.folder / "neo4j" / "password").stat().st_mode & 0o777 == 0o600


async def test_a_graph_whose_password_was_changed_elsewhere_is_told_with_the_remedy(servers: Servers) -> None:
    file = servers.folder / "neo4j" / "password"
    right = file.read_text()
    file.write_text("another-one\n")
    try:
        with pytest.raises(ServerUnavailableError, match="write the one it has into that file"):
            await Neo4j(file.parent, int(servers.graph_url.rpartition(":")[2]), short_lived=True).answers()
    finally:
        file.write_text(right)
