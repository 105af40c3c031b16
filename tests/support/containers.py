"""Engines in Docker containers, for machines without Java; imported only where Docker runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ports import free_port
from testcontainers.community.neo4j import Neo4jContainer
from testcontainers.community.qdrant import QdrantContainer
from testcontainers.community.redis import RedisContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.waiting_utils import wait_for_logs

_PASSWORD = "for-tests-only"  # noqa: S105 - of a database that lives as long as the tests


@contextmanager
def kafka(image: str) -> Iterator[str]:
    """The official image with its port bound to a free one, which the broker has to know to tell it to clients."""
    port = free_port()
    container = DockerContainer(image).with_bind_ports(9092, port)
    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }
    for name, value in settings.items():
        container = container.with_env(name, value)
    with container:
        wait_for_logs(container, "Kafka Server started", timeout=60)
        yield f"127.0.0.1:{port}"


@contextmanager
def redis(image: str) -> Iterator[str]:
    with RedisContainer(image) as container:
        yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"


@contextmanager
def neo4j(image: str) -> Iterator[tuple[str, str, str]]:
    """url, user, password."""
    with Neo4jContainer(image, username="neo4j", password=_PASSWORD) as container:
        yield container.get_connection_url(), "neo4j", _PASSWORD


@contextmanager
def qdrant(image: str) -> Iterator[str]:
    """Both of its ports are free ones; the URL names that of gRPC, as the stores read it."""
    with QdrantContainer(image) as container:
        yield f"http://{container.rest_host_address}?grpc_port={container.exposed_grpc_port}"
