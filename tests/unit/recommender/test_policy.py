"""What a shop decides: read from the log, kept, checked, told."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import json_format

from attune.events.v1 import rule_pb2 as pb
from attune.events.v1.ranker_pb2 import RankerRecord
from chassis.kafka import Decoded, Slice, Source
from recommender.domain.errors import Refusal
from recommender.domain.policy import Known, Ranker, remarks
from recommender.domain.rules import Rule
from recommender.domain.score import Weights, coefficients
from recommender.policy_records import RANKERS, RULES, decision_of, policy_routes, rule_of
from recommender.usecases.policy import LearnPolicy, Policies, restore

EVERY_NAME = Known(lambda _: True, lambda _: True, lambda _: True)


def message(rule_id: str = "r", **given: Any) -> pb.Rule:
    return json_format.ParseDict({"rule_id": rule_id, **given}, pb.Rule())


def rule(rule_id: str = "r", **given: Any) -> Rule:
    return rule_of(message(rule_id, **given))


async def renewed(tenants: Any) -> None:
    """Nobody asks here."""


class Told:
    """A replica that reads records of the two topics."""

    def __init__(self, store: Any) -> None:
        self.policies = Policies()
        self._store = store
        self.learn = LearnPolicy(self.policies, store, renewed)
        self._routes = {route.topic: route for route in policy_routes(self.learn, coefficients(Weights()))}

    async def restore(self) -> None:
        await restore(self.policies, self._store, decision_of)

    async def read(self, topic: str, *records: tuple[int, str, Any], log: str = "log") -> list[tuple[int, str]]:
        """What was refused, and why."""
        items = [Decoded(offset, key, value) for offset, key, value in records]
        part: Slice[Any] = Slice(Source(log, topic, 0), items, records[-1][0] + 1)
        return [(offset, why.reason) for offset, why in await self._routes[topic].handle(part)]

    def ids(self, tenant: str = "default") -> list[str]:
        return [each.rule_id for each in self.policies.rules(tenant)]


@pytest.fixture
def told(shop: Any) -> Told:
    return Told(shop.relations.policies)


NO_TEA = {"exclude": {}, "match": {"categories": ["food/tea"]}}


async def test_a_rule_holds_from_its_record_on_until_it_is_taken_back(told: Told) -> None:
    assert not await told.read(RULES, (0, "no-tea", message("no-tea", **NO_TEA)))
    assert told.ids() == ["no-tea"]
    await told.read(RULES, (1, "no-tea", None))
    assert told.ids() == []


async def test_a_record_without_a_value_takes_back_what_came_under_its_key_in_every_shop(told: Told) -> None:
    there = message("no-tea", tenant="there", **NO_TEA)
    await told.read(RULES, (0, "no-tea", there), (1, "other", message("other", **NO_TEA)), (2, "no-tea", None))
    assert (told.ids("there"), told.ids()) == ([], ["other"])


async def test_rules_of_one_id_in_two_shops_have_keys_of_their_own(told: Told) -> None:
    here, there = message("no-tea", **NO_TEA), message("no-tea", tenant="there", **NO_TEA)
    assert not await told.read(RULES, (0, "no-tea", here), (1, "there/no-tea", there))
    await told.read(RULES, (2, "there/no-tea", None))
    assert (told.ids("there"), told.ids()) == ([], ["no-tea"])
    await told.read(RULES, (3, "there/no-tea", there), (4, "no-tea", None))
    assert (told.ids("there"), told.ids()) == (["no-tea"], [])
    assert await told.read(RULES, (5, "elsewhere/no-tea", there)) == [(5, "wrong-key")]


async def test_records_that_are_read_again_change_nothing(told: Told) -> None:
    records = [(0, "a", message("a", **NO_TEA)), (1, "a", None), (2, "b", message("b", **NO_TEA))]
    await told.read(RULES, *records)
    await told.read(RULES, *records[:2])
    assert told.ids() == ["b"]


async def test_rules_outlive_a_log_that_forgot_them_and_a_new_log_overrides_them(told: Told, shop: Any) -> None:
    await told.read(RULES, (5, "a", message("a", **NO_TEA)), (6, "b", message("b", **NO_TEA)), (7, "b", None))
    again = Told(shop.relations.policies)
    await again.restore()
    assert again.ids() == ["a"]
    await again.read(RULES, (0, "a", None), log="another")
    assert again.ids() == []


async def test_coefficients_are_learned_per_shop_and_given_back(told: Told, shop: Any) -> None:
    learned = RankerRecord(tenant="there", version="v2", weights={"trend": 0.5})
    assert not await told.read(RANKERS, (0, "there", learned))
    assert told.policies.ranker("there") == Ranker("v2", {"trend": 0.5})
    assert told.policies.ranker("default") is None
    again = Told(shop.relations.policies)
    await again.restore()
    assert again.policies.ranker("there") == Ranker("v2", {"trend": 0.5})
    await told.read(RANKERS, (1, "there", None))
    assert told.policies.ranker("there") is None


async def test_coefficients_of_terms_that_f_does_not_have_are_refused(told: Told) -> None:
    learned = RankerRecord(tenant="there", version="v2", weights={"luck": 0.5})
    assert await told.read(RANKERS, (0, "there", learned)) == [(0, "unknown-term")]
    assert told.policies.ranker("there") is None


async def test_a_senseless_rule_is_refused_and_the_one_before_it_stays(told: Told) -> None:
    refused = await told.read(
        RULES,
        (0, "r", message("r", **NO_TEA)),
        (1, "r", message("r", exclude={})),
        (2, "key", message("r", **NO_TEA)),
    )
    assert refused == [(1, "senseless-rule"), (2, "wrong-key")]
    assert told.ids() == ["r"]


EUR, USD = ({"currency": name, "amount": "20"} for name in ("EUR", "USD"))


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({"exclude": {}}, "match", "excludes everything"),
        ({"include_only": {}}, "match", "everything"),
        ({"pin": {}}, "match", "pins everything"),
        (
            {"bury": {}, "match": {"min_price": EUR, "max_price": {"currency": "EUR", "amount": "10"}}},
            "match.min_price",
            "no price",
        ),
        ({"bury": {}, "match": {"min_price": EUR, "max_price": USD}}, "match.max_price.currency", "two currencies"),
        (
            {"boost": {"by": 1}, "active_from": "2026-02-01T00:00:00Z", "active_until": "2026-01-01T00:00:00Z"},
            "active_until",
            "never holds",
        ),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_with_what_is_wrong(given: Any, field: str, says: str) -> None:
    with pytest.raises(Refusal, match=says) as refused:
        rule(**given)
    assert refused.value.field == field
    assert refused.value.remedy


TEA, POTS = {"categories": ["food/tea"]}, {"categories": ["kitchen"]}


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        ({"include_only": {}, "match": TEA}, {"exclude": {}, "match": TEA}, "nothing is left"),
        ({"include_only": {}, "match": TEA}, {"include_only": {}, "match": POTS}, "nothing is left"),
        ({"pin": {"position": 2}, "match": TEA}, {"pin": {"position": 2}, "match": POTS}, "place 2"),
        (
            {"pin": {}, "match": {"product_ids": ["leaves"]}},
            {"exclude": {}, "match": {"product_ids": ["leaves", "pot"]}},
            "excludes",
        ),
        ({"include_only": {}, "match": TEA}, {"exclude": {}, "match": {"categories": ["food"]}}, "nothing is left"),
        ({"include_only": {}, "match": {**TEA, "brands": ["Lark"]}}, {"exclude": {}, "match": TEA}, "nothing is left"),
        (
            {"include_only": {}, "match": {"max_price": {"currency": "EUR", "amount": "20"}}},
            {"exclude": {}, "match": {"max_price": {"currency": "EUR", "amount": "30"}}},
            "nothing is left",
        ),
        ({"repurchase": {}, "match": TEA}, {"repurchase": {"after_days": 3}, "match": TEA}, "later time"),
        ({"pin": {}, "match": TEA}, {"include_only": {}, "match": POTS}, "not among"),
        ({"pin": {}, "match": TEA}, {"bury": {}, "match": {"categories": ["food"]}}, "stays where it is pinned"),
        ({"boost": {"by": 1}, "match": TEA}, {"exclude": {}, "match": TEA}, "excludes"),
        ({"fresh_quota": {"share": 0.1, "days": 9}, "match": TEA}, {"exclude": {}, "match": TEA}, "excludes"),
        ({"diversity": {"strength": 0.2}}, {"diversity": {"strength": 0.4}}, "greater strength"),
        (
            {"include_only": {}, "match": {"max_price": {"currency": "EUR", "amount": "10"}}},
            {"include_only": {}, "match": {"min_price": {"currency": "EUR", "amount": "20"}}},
            "nothing is left",
        ),
        ({"pin": {}, "match": {**TEA, "in_stock": False}}, {"exclude": {}, "match": {"in_stock": False}}, "excludes"),
        (
            {"include_only": {}, "match": {"in_stock": True}},
            {"include_only": {}, "match": {"in_stock": False}},
            "nothing",
        ),
    ],
)
def test_rules_that_contradict_each_other_are_told(one: Any, other: Any, says: str) -> None:
    (remark,) = remarks([rule("one", **one), rule("other", **other)], EVERY_NAME)
    assert set(remark.rule_ids) == {"one", "other"}
    assert says in remark.remark


def test_a_place_and_a_number_that_are_the_same_do_not_contradict_each_other() -> None:
    assert not remarks([rule("one", pin={"position": 2}, match=TEA), rule("other", brand_cap={"most": 2})], EVERY_NAME)


def test_rules_that_never_hold_together_do_not_contradict_each_other() -> None:
    for apart in (
        ({"contexts": ["CONTEXT_CART"]}, {"contexts": ["CONTEXT_HOME"]}),
        ({"audience": {"tiers": ["gold"]}}, {"audience": {"tiers": ["silver"]}}),
        ({"active_until": "2026-01-01T00:00:00Z"}, {"active_from": "2026-01-01T00:00:00Z"}),
    ):
        one, other = (rule(name, pin={}, match=TEA, **each) for name, each in zip("ab", apart, strict=True))
        assert not remarks([one, other], EVERY_NAME)


@pytest.mark.parametrize(
    ("only", "excluded"),
    [
        (POTS, {"categories": ["kitchen/kettles"]}),
        (TEA, {**TEA, "brands": ["Lark"]}),
        ({"categories": ["foods"]}, {"categories": ["food"]}),
        (
            {"max_price": {"currency": "EUR", "amount": "30"}},
            {"max_price": {"currency": "USD", "amount": "40"}},
        ),
        ({"attributes": [{"name": "colour"}]}, {"attributes": [{"name": "colour", "values": ["red"]}]}),
    ],
)
def test_where_something_is_left_there_is_no_contradiction(only: Any, excluded: Any) -> None:
    rules = [rule("one", include_only={}, match=only), rule("other", exclude={}, match=excluded)]
    assert not remarks(rules, EVERY_NAME)


def test_names_that_the_catalogue_does_not_know_are_told(shop: Any) -> None:
    match = {"categories": ["food", "kitchn"], "brands": ["Lark", "Lrak"], "product_ids": ["pot", "pott"]}
    found = shop.policy("default", [rule("r", exclude={}, match=match)]).remarks
    assert [remark.remark.split("'")[1] for remark in found] == ["pott", "kitchn", "Lrak"]


def test_a_shop_without_decisions_has_the_shipped_coefficients(shop: Any) -> None:
    policy = shop.policy("default")
    assert (policy.rules, policy.ranker, policy.remarks) == ([], None, [])
    assert policy.weights["rel.transition"] == Weights().balance
