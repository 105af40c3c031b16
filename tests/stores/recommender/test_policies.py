"""One suite for every store of decisions."""

from __future__ import annotations

from typing import Any

from attune.events.v1.ranker_pb2 import RankerRecord
from attune.events.v1.rule_pb2 import BrandCap, Rule
from recommender.domain.product import Position
from recommender.usecases.policy import Named, StoredPolicy


def row(tenant: str, offset: int, reason: str | None = "", name: str = "no-tea", log: str = "log") -> StoredPolicy:
    """A rule that whoever shares the store can read; without a reason one that was taken back."""
    rule = Rule(tenant=tenant, rule_id=name, reason=reason or "", brand_cap=BrandCap(most=3))
    record = None if reason is None else rule.SerializeToString(deterministic=True)
    return StoredPolicy(Named("rule", tenant, name), Position(log, 1, offset), record)


async def held(policies: Any, tenant: str) -> list[StoredPolicy]:
    return [each for each in await policies.load() if each.named.tenant == tenant]


async def test_a_decision_comes_back_as_it_was_saved(policies: Any, tenant: str) -> None:
    learned = RankerRecord(tenant=tenant, version="v1").SerializeToString()
    ranker = StoredPolicy(Named("ranker", tenant, ""), Position("log", 0, 4), learned)
    await policies.save([row(tenant, 3), ranker])
    assert await held(policies, tenant) == [ranker, row(tenant, 3)]


async def test_a_decision_is_replaced_by_later_records_alone(policies: Any, tenant: str) -> None:
    for offset, reason in ((5, "new"), (4, "older"), (5, "again")):
        await policies.save([row(tenant, offset, reason)])
    assert await held(policies, tenant) == [row(tenant, 5, "new")]


async def test_what_was_taken_back_is_not_brought_back_by_an_older_record(policies: Any, tenant: str) -> None:
    await policies.save([row(tenant, 5)])
    await policies.save([row(tenant, 6, None)])
    await policies.save([row(tenant, 5)])
    assert await held(policies, tenant) == [row(tenant, 6, None)]


async def test_a_log_that_began_anew_is_later_than_all_before(policies: Any, tenant: str) -> None:
    await policies.save([row(tenant, 5)])
    await policies.save([row(tenant, 0, "anew", log="another")])
    assert await held(policies, tenant) == [row(tenant, 0, "anew", log="another")]


async def test_shops_and_rules_are_kept_apart(policies: Any, tenant: str) -> None:
    there = f"{tenant}-2"
    await policies.save([row(tenant, 1), row(tenant, 2, name="no-coffee"), row(there, 3)])
    assert len(await held(policies, tenant)) == 2
    assert await held(policies, there) == [row(there, 3)]
    await policies.save([])
