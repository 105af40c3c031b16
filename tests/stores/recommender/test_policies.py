"""One suite for every store of decisions."""

from __future__ import annotations

from typing import Any

from recommender.domain.product import Position
from recommender.usecases.policy import Named, StoredPolicy


def row(tenant: str, offset: int, record: bytes | None = b"r", name: str = "no-tea", log: str = "log") -> StoredPolicy:
    return StoredPolicy(Named("rule", tenant, name), Position(log, 1, offset), record)


async def held(policies: Any, tenant: str) -> list[StoredPolicy]:
    return [each for each in await policies.load() if each.named.tenant == tenant]


async def test_a_decision_comes_back_as_it_was_saved(policies: Any, tenant: str) -> None:
    ranker = StoredPolicy(Named("ranker", tenant, ""), Position("log", 0, 4), b"weights")
    await policies.save([row(tenant, 3), ranker])
    assert await held(policies, tenant) == [ranker, row(tenant, 3)]


async def test_a_decision_is_replaced_by_later_records_alone(policies: Any, tenant: str) -> None:
    for offset, record in ((5, b"new"), (4, b"older"), (5, b"again")):
        await policies.save([row(tenant, offset, record)])
    assert await held(policies, tenant) == [row(tenant, 5, b"new")]


async def test_what_was_taken_back_is_not_brought_back_by_an_older_record(policies: Any, tenant: str) -> None:
    await policies.save([row(tenant, 5)])
    await policies.save([row(tenant, 6, None)])
    await policies.save([row(tenant, 5)])
    assert await held(policies, tenant) == [row(tenant, 6, None)]


async def test_a_log_that_began_anew_is_later_than_all_before(policies: Any, tenant: str) -> None:
    await policies.save([row(tenant, 5)])
    await policies.save([row(tenant, 0, b"anew", log="another")])
    assert await held(policies, tenant) == [row(tenant, 0, b"anew", log="another")]


async def test_shops_and_rules_are_kept_apart(policies: Any, tenant: str) -> None:
    there = f"{tenant}-2"
    await policies.save([row(tenant, 1), row(tenant, 2, name="no-coffee"), row(there, 3)])
    assert len(await held(policies, tenant)) == 2
    assert await held(policies, there) == [row(there, 3)]
    await policies.save([])
