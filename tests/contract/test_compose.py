"""docker-compose.yml agrees with the contract and with itself."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from attune.events.v1 import (
    answer_pb2,
    clickstream_pb2,
    erasure_pb2,
    knowledge_pb2,
    product_pb2,
    product_vectors_pb2,
    query_pb2,
    template_pb2,
    user_pb2,
)
from attune.types.v1 import topic_pb2
from chassis.kafka.identity import MARKER

SERVICES = ("needs", "recommender", "qa", "content")
ROOT = Path(__file__).parents[2]
MODULES = (
    answer_pb2, clickstream_pb2, erasure_pb2, knowledge_pb2, product_pb2, product_vectors_pb2, query_pb2, template_pb2,
    user_pb2,
)  # fmt: skip


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def topics() -> dict[str, str]:
    options = [m.GetOptions() for module in MODULES for m in module.DESCRIPTOR.message_types_by_name.values()]
    found = [each.Extensions[topic_pb2.topic] for each in options if each.HasExtension(topic_pb2.topic)]
    return {each.name: "compact" if each.retention == topic_pb2.RETENTION_COMPACTED else "delete" for each in found}


def test_compose_makes_the_topics_of_the_contract_with_their_retention(compose: Any) -> None:
    script = compose["services"]["topics"]["command"][0]
    made = {
        f"attune.{name}.v1": policy
        for names, policy in re.findall(r'for topic in ([a-z -]+); do make "attune\.\$\$topic\.v1" (\w+);', script)
        for name in names.split()
    }
    assert made == topics()


def test_every_topic_gets_its_dead_letters(compose: Any) -> None:
    script = compose["services"]["topics"]["command"][0]
    (names,) = re.findall(r'for topic in ([a-z \n-]+); do\s+make "attune\.\$\$topic\.v1\.dead"', script)
    assert {f"attune.{name}.v1" for name in names.split()} == set(topics())


def test_every_image_is_pinned_to_a_version(compose: Any) -> None:
    images = [service["image"] for service in compose["services"].values() if "image" in service]
    assert images
    assert all(re.search(r":v?\d+\.\d+(\.\d+)?", image) for image in images)


def test_images_are_the_projects_own_and_none_of_a_repackager(compose: Any) -> None:
    images = {name: each["image"].split(":")[0] for name, each in compose["services"].items() if "image" in each}
    ours = {
        "kafka": "apache/kafka",
        "topics": "apache/kafka",
        "qdrant": "qdrant/qdrant",
        "redis": "redis",
        "neo4j": "neo4j",
    }
    assert images == ours


@pytest.mark.parametrize(("service", "jar"), [("kafka", "kafka_2.13"), ("neo4j", "neo4j-server")])
def test_compose_and_make_servers_run_the_same_versions(compose: Any, service: str, jar: str) -> None:
    pom = (ROOT / "deploy" / "servers" / f"{service}.pom.xml").read_text()
    (version,) = re.findall(rf"<artifactId>{re.escape(jar)}</artifactId>\s*<version>([\d.]+)</version>", pom)
    assert re.search(rf":{re.escape(version)}(-|$)", compose["services"][service]["image"])


def test_qdrant_has_the_minor_version_of_its_client(compose: Any) -> None:
    (client,) = re.findall(r"^qdrant-client==(\d+\.\d+)", (ROOT / "requirements" / "run.txt").read_text(), re.MULTILINE)
    assert f":v{client}." in compose["services"]["qdrant"]["image"]


def test_every_engine_says_how_it_is_and_keeps_its_data_in_a_volume(compose: Any) -> None:
    for name in ("kafka", "redis", "qdrant", "neo4j"):
        engine = compose["services"][name]
        assert engine["healthcheck"]["test"]
        (volume,) = engine["volumes"]
        assert volume.split(":")[0] in compose["volumes"]
    kafka = compose["services"]["kafka"]
    assert kafka["volumes"] == [f"kafka:{kafka['environment']['KAFKA_LOG_DIRS']}"]


def test_nothing_is_reachable_from_other_machines(compose: Any) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert len(ports) > 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_log_has_a_name_of_its_own(compose: Any) -> None:
    """The image gives every cluster the same id, so that the id does not tell one life of the log from the next."""
    assert MARKER in compose["services"]["topics"]["command"][0].replace("\\", "")


def test_the_four_services_are_built_from_the_one_dockerfile(compose: Any) -> None:
    built = {name: each["build"]["args"]["SERVICE"] for name, each in compose["services"].items() if "build" in each}
    assert built == {name: name for name in SERVICES}
    assert (ROOT / "Dockerfile").read_text().count("HEALTHCHECK") == 1


def test_every_container_has_a_limit_of_memory_and_says_whether_it_starts_again(compose: Any) -> None:
    for name, each in compose["services"].items():
        assert re.fullmatch(r"\d+[mg]", each["mem_limit"]), name
        assert each["restart"] == ("no" if name == "topics" else "unless-stopped")


def test_who_needs_another_one_waits_until_that_one_is_well(compose: Any) -> None:
    for name, each in compose["services"].items():
        for other, how in each.get("depends_on", {}).items():
            ready = "service_completed_successfully" if other == "topics" else "service_healthy"
            assert how == {"condition": ready}, name
            assert other == "topics" or compose["services"][other]["healthcheck"]
    assert {"topics", "redis"} <= compose["services"]["needs"]["depends_on"].keys()
    assert {"topics", "qdrant", "neo4j"} <= compose["services"]["recommender"]["depends_on"].keys()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_told_what_its_settings_ask_for_and_nothing_else(compose: Any, name: str) -> None:
    known, needed = set(), set()
    for service in SERVICES:
        fields = importlib.import_module(f"{service}.settings").Settings.model_fields
        names = {field.validation_alias or f"ATTUNE_{each.upper()}": field for each, field in fields.items()}
        known |= names.keys()
        if service == name:
            needed = {variable for variable, field in names.items() if field.is_required()}
    told = set(compose["services"][name]["environment"])
    assert needed <= told | {"ATTUNE_GRPC_LISTEN", "ATTUNE_METRICS_LISTEN"}
    assert told <= known


def test_every_volume_is_used(compose: Any) -> None:
    used = {volume.split(":")[0] for each in compose["services"].values() for volume in each.get("volumes", [])}
    assert used == set(compose["volumes"])


def test_an_image_runs_without_rights_without_secrets_and_without_torch() -> None:
    recipe = (ROOT / "Dockerfile").read_text()
    run = (ROOT / "requirements" / "run.txt").read_text()
    assert re.findall(r"^USER (\S+)$", recipe, re.MULTILINE) == ["10001"]
    assert "--require-hashes -r requirements/run.txt" in recipe
    assert not re.search(r"(?i)^(env|arg) .*(password|key|token|secret)", recipe, re.MULTILINE)
    assert not re.search(r"^(torch|transformers)\b", run, re.MULTILINE)
    assert re.findall(r"^FROM python:3\.11\.\d+-slim-\S+", recipe, re.MULTILINE)


def test_what_is_copied_into_an_image_is_named() -> None:
    recipe = (ROOT / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(\S+) \S+$", recipe, re.MULTILINE)
    assert sorted(copied) == ["libs", "proto", "requirements/run.txt", "services"]
