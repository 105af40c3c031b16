"""Neo4j away, silent and back, while the service runs and when it starts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from proxy import Proxy
from recommender_process import House

from attune.recommender.v1 import recommender_pb2 as pb
from attune.types.v1.types_pb2 import UserRef


@pytest.fixture(scope="module")
def wire(neo4j_url: Any) -> Iterator[Proxy]:
    """Between the service and Neo4j. It begins refused."""
    made = Proxy(urlsplit(neo4j_url.url).port or 7687)
    made.set("refuse")
    yield made
    made.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, own_kafka: str, neo4j_url: Any, wire: Proxy) -> Iterator[House]:
    """Started while Neo4j is away."""
    settings = {
        "ATTUNE_GRAPH_URL": f"bolt://{wire.address}",
        "ATTUNE_NEO4J_USER": neo4j_url.user,
        "ATTUNE_NEO4J_PASSWORD": neo4j_url.password,
    }
    made = House(tmp_path_factory.mktemp("outage"), own_kafka, settings)
    until = time.monotonic() + 60
    while "the start waits" not in made.said() and time.monotonic() < until:
        time.sleep(0.05)
    wire.set("pass")
    made.ready()
    yield made
    wire.set("pass")
    made.stop()


@pytest.fixture
def stocked(house: House, tenant: str, catalogue: Any) -> str:
    house.recommend(tenant, "nobody", *[house.load(tenant, each) for each in catalogue])
    return tenant


def ids(reply: Any) -> list[str]:
    return [offer.product.product_id for offer in reply.recommendations]


def test_a_start_without_neo4j_waits_and_says_so(house: House, stocked: str) -> None:
    assert "the start waits for the store of relations" in house.said()
    assert len(ids(house.recommend(stocked, "ann"))) > 0


@pytest.mark.parametrize("mode", ["refuse", "blackhole"])
def test_without_neo4j_is_served_from_memory_and_nothing_is_lost(
    house: House, stocked: str, wire: Proxy, mode: Any
) -> None:
    house.recommend(stocked, "bob", house.act(stocked, "bob", "kettle"), house.act(stocked, "bob", "pot"))
    wire.set(mode)
    marks = [house.act(stocked, "ann", product, "purchase") for product in ("kettle", "cup")]
    begun = time.monotonic()
    reply = house.recommend(stocked, "ann")
    assert time.monotonic() - begun < 5
    assert len(ids(reply)) > 0
    with pytest.raises(grpc.RpcError) as refused:
        house.stub.EraseUser(pb.EraseUserRequest(user=UserRef(tenant=stocked, user_id="eve")), timeout=2)
    assert refused.value.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
    assert ("relations", "trend") in {(fallback.component, fallback.used) for fallback in reply.served.fallbacks}
    wire.set("pass")
    wire.cut()
    reply = house.recommend(stocked, "ann", *marks)
    assert not reply.served.stale
    assert not {"kettle", "cup"} & set(ids(reply))
    assert "relations" not in {fallback.component for fallback in reply.served.fallbacks}
