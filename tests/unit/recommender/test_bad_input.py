"""What cannot be meant gets a clear answer, and what is too much stays bounded."""

from __future__ import annotations

import random
from typing import Any

import grpc
import numpy as np
import pytest

from attune.recommender.v1 import recommender_pb2 as pb
from attune.types.v1.types_pb2 import UserRef
from recommender.domain.graph import CAP, Edges
from recommender.domain.history import Done
from recommender.domain.product import Key
from recommender.domain.score import Mode
from recommender.usecases.relations import Person

ANN = Person("default", "ann")


def ids(made: Any) -> list[str]:
    return [offer.product.key.product_id for offer in made.offers]


def test_k_of_0_is_10_and_k_of_10000_is_refused_with_the_limit(house: Any, tenant: str) -> None:
    marks = [house.load(tenant, {"product_id": f"p{n}", "title": {"en": f"P{n}"}}) for n in range(12)]
    assert len(house.recommend(tenant, "ann", *marks).recommendations) == 10
    with pytest.raises(grpc.RpcError) as refused:
        house.recommend(tenant, "ann", k=10_000)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "200" in refused.value.details()


def test_what_stands_there_must_be_known(house: Any, tenant: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        house.recommend(tenant, "ann", context="CONTEXT_CART", context_products=["nope"])
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert "nope" in refused.value.details()
    request = pb.ExplainRequest(user=UserRef(tenant=tenant, user_id="ann"), product_id="nope")
    with pytest.raises(grpc.RpcError, match="NOT_FOUND"):
        house.stub.Explain(request)


async def test_products_that_are_related_in_a_circle_are_served(shop: Any, asked: Any) -> None:
    ring = ["r0", "r1", "r2"]
    await shop.load(*({"product_id": each, "title": {"en": f"Ring {each}"}, "category": "ring",
                       "relations": [{"kind": "replaces", "product_id": ring[(n + 1) % 3]},
                                     {"kind": "goes_with", "product_id": ring[(n + 2) % 3]}]}
                      for n, each in enumerate(ring)))  # fmt: skip
    await shop.do("ann", "r0")
    made = await shop.recommend(ANN, asked(k=2), Mode.CONDITIONED)
    assert set(ids(made)) == {"r1", "r2"}
    assert set(ids(await shop.similar(Key("default", "r0"), asked(k=2)))) == {"r1", "r2"}
    assert (await shop.explain(ANN, "r1", "en", Mode.CONDITIONED)).paths


@pytest.mark.parametrize("kind", ["transition", "co_occurrence"])
async def test_a_relation_that_is_called_as_what_people_do_is_not_taken_for_it(
    shop: Any, catalogue: Any, kind: str
) -> None:
    for user in range(3):
        await shop.do(f"u{user}", "kettle", "pot", done=Done.WANTED)
    await shop.load({**catalogue[0], "relations": [{"kind": kind, "product_id": "tent"}]}, offset=900)
    await shop.do("ann", "kettle")
    why = {name: await shop.explain(ANN, name, "en", Mode.CONDITIONED) for name in ("pot", "tent")}
    assert {"transition", "co_occurrence"} <= {way.step.kind for way in why["pot"].paths}
    assert [way.step.kind for way in why["tent"].paths] == ["link"]
    assert why["tent"].reason == "Goes with “Steel tea kettle”"


async def test_of_very_many_relations_of_one_product_the_strongest_are_served(shop: Any) -> None:
    graph, rng = shop.world.shop("default").graph, random.Random(4)
    hub = 0
    weights = {place: rng.random() for place in range(1, 20_001)}
    for place, weight in weights.items():
        graph.state(place, [("goes_with", hub, weight)])
    _, places, values = graph.related([hub])["goes_with"]
    assert len(places) == CAP
    assert values.tolist() == sorted(weights.values(), reverse=True)[:CAP]


def test_of_a_million_relations_of_one_product_the_strongest_are_served_also_after_one_more() -> None:
    edges, million = Edges(), 1_000_000
    weights = np.random.default_rng(4).random(million).tolist()
    for place, weight in enumerate(weights, start=1):
        edges.add(0, place, weight)
    strongest = sorted(range(1, million + 1), key=lambda place: -weights[place - 1])[:CAP]
    assert edges.row(0).places.tolist() == strongest
    edges.add(0, million + 1, 2.0)
    assert edges.row(0).places.tolist() == [million + 1, *strongest[:-1]]


async def test_a_shortage_names_what_left_nothing(shop: Any, asked: Any) -> None:
    made = await shop.recommend(ANN, asked(brands=frozenset({"Nobody"})), Mode.CONDITIONED)
    assert not made.offers
    assert "Nobody" in made.shortage
    await shop.do("ann", "tent", "mat")
    made = await shop.recommend(ANN, asked(brands=frozenset({"Ridge"})), Mode.CONDITIONED)
    assert (ids(made), "dealt with" in made.shortage) == ([], True)
