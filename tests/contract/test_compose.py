"""docker-compose.yml agrees with the contract and with itself."""

from __future__ import annotations

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


def test_the_four_services_are_built_from_the_one_dockerfile(compose: Any) -> None:
    built = {name: each["build"]["args"]["SERVICE"] for name, each in compose["services"].items() if "build" in each}
    assert built == {name: name for name in ("needs", "recommender", "qa", "content")}
    assert (ROOT / "Dockerfile").read_text().count("HEALTHCHECK") == 1
