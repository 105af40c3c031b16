from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from attune_demo.catalog import products
from attune_demo.personas import personas, shoppers
from attune_demo.shelf import Shelf
from attune_demo.simulator import events

Records = list[dict[str, Any]]

UNTIL = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def catalogue() -> Records:
    return list(products())


def simulated(catalogue: Records, seed: int, days: int = 28) -> Records:
    return events(shoppers(), Shelf(catalogue), until=UNTIL, days=days, seed=seed)


def spectra(catalogue: Records, happened: Records) -> dict[str, Mapping[str, float]]:
    """Person → share of each category in what they clicked, of length 1."""
    category = {product["product_id"]: product["category"] for product in catalogue}
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for event in happened:
        if "product_id" in event:
            counts[event["user_id"]][category[event["product_id"]]] += 1
    return {user: unit(count) for user, count in counts.items()}


def unit(counts: Counter[str]) -> Mapping[str, float]:
    length = math.sqrt(sum(value * value for value in counts.values()))
    return Counter({name: value / length for name, value in counts.items()})


def cosine(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    return sum(value * second[name] for name, value in first.items())


def test_there_are_personas_and_people_enough() -> None:
    people = list(shoppers())
    assert len(personas()) >= 6
    assert len(people) >= 40
    assert {person.language for person in people} == {"en", "zh"}
    assert {person.marketing for person in people} == {True, False}


def test_a_persona_is_recovered_from_one_week_of_clicks_by_the_nearest_centroid(catalogue: Records) -> None:
    kind = {shopper.user_id: shopper.persona.id for shopper in shoppers()}
    total: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for user, spectrum in spectra(catalogue, simulated(catalogue, seed=1)).items():
        total[kind[user]].update(spectrum)
    centroids = {persona: unit(counts) for persona, counts in total.items()}
    unseen = spectra(catalogue, simulated(catalogue, seed=2, days=7))
    right = sum(
        max(centroids, key=lambda persona: cosine(spectrum, centroids[persona])) == kind[user]
        for user, spectrum in unseen.items()
    )
    assert right / len(unseen) > 0.85  # chance: 1 in 9


def test_two_trails_of_a_person_are_nearer_to_each_other_than_to_another_kind_of_person(catalogue: Records) -> None:
    first, second = (spectra(catalogue, simulated(catalogue, seed=seed)) for seed in (3, 4))
    runner, parent = first["runner-1"], first["new-parent-1"]
    assert cosine(runner, second["runner-1"]) > 2 * cosine(runner, parent)


def test_nobody_buys_what_is_out_of_stock(catalogue: Records) -> None:
    gone = {p["product_id"] for p in catalogue if p["availability"] == "AVAILABILITY_OUT_OF_STOCK"}
    bought = {
        event["product_id"] for event in simulated(catalogue, seed=0) if event["kind"] == "BEHAVIOR_KIND_PURCHASE"
    }
    assert gone
    assert not gone & bought


def test_a_purchase_follows_the_cart(catalogue: Records) -> None:
    carts = set()
    for event in simulated(catalogue, seed=0):
        if event["kind"] == "BEHAVIOR_KIND_ADD_TO_CART":
            carts.add((event["session_id"], event["product_id"]))
        if event["kind"] == "BEHAVIOR_KIND_PURCHASE":
            assert (event["session_id"], event["product_id"]) in carts


def test_a_search_in_words_leads_to_what_was_searched(catalogue: Records) -> None:
    shelf = Shelf(catalogue)
    gaiwan, tent = shelf.found("gaiwan", Random(0)), shelf.found("双人帐篷", Random(0))
    assert gaiwan is not None
    assert gaiwan.category == "kitchen/teaware"
    assert tent is not None
    assert tent.product_id == "tent-fell-2"
    assert shelf.found("quantum", Random(0)) is None


def test_every_search_of_a_persona_finds_something(catalogue: Records) -> None:
    shelf = Shelf(catalogue)
    texts = [text for persona in personas() for by_language in persona.searches.values() for text in by_language]
    assert [text for text in texts if shelf.found(text, Random(0)) is None] == []
