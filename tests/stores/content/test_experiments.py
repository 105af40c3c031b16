"""Outcomes are counted, each exactly once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from redis.asyncio import Redis

from content.domain.composition import Outcome
from content.domain.customer import Person
from content.domain.experiment import Counts, Experiment
from content.stores.experiments_redis import RedisExperiments
from content.usecases.ports import Happened, Span

NOW = 1_750_000_000_000
Make = Callable[..., Happened]


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[RedisExperiments]:
    connection = Redis.from_url(redis_url)
    yield RedisExperiments(connection, lambda: NOW)
    await connection.aclose()


@pytest.fixture
def happened(tenant: str) -> Make:
    def make(offset: int, outcome: Outcome = Outcome.CLICK, event: str = "", variant: str = "a") -> Happened:
        return Happened(
            offset, event or f"e{offset}", Person(tenant, "ada"), outcome, "c", "push.en", variant, NOW + offset
        )

    return make


def span(next_offset: int, log: str = "log", partition: int = 0) -> Span:
    return Span(log, "attune.clickstream.v1", partition, next_offset)


def everywhere(outcomes: Sequence[Happened], context: str = "new") -> list[tuple[Happened, str]]:
    return [(outcome, context) for outcome in outcomes]


async def clicks(store: RedisExperiments, tenant: str) -> int:
    experiment = await store.get(tenant, "push.en")
    return experiment.total("a").clicks if experiment else 0


async def test_an_experiment_nobody_opened_is_not_there(store: RedisExperiments, tenant: str) -> None:
    assert await store.get(tenant, "push.en") is None
    assert await store.all(tenant) == []


async def test_an_opened_experiment_has_its_arms_without_outcomes(store: RedisExperiments, tenant: str) -> None:
    await store.open(tenant, "push.en", ["a", "b:c"])
    await store.open(tenant, "push.en", ["a"])
    await store.open(tenant, "email.zh", ["x"])
    assert await store.get(tenant, "push.en") == Experiment("push.en", {"a": {}, "b:c": {}})
    assert [experiment.experiment_id for experiment in await store.all(tenant)] == ["email.zh", "push.en"]


async def test_outcomes_are_counted_by_arm_and_context(store: RedisExperiments, tenant: str, happened: Make) -> None:
    await store.open(tenant, "push.en", ["a", "b:c"])
    shown = [happened(0, Outcome.IMPRESSION), happened(1, Outcome.IMPRESSION, variant="b:c"), happened(2)]
    await store.count(span(3), tenant, "push.en", everywhere(shown))
    await store.count(span(4), tenant, "push.en", everywhere([happened(3, Outcome.PURCHASE)], "buyer"))
    found = await store.get(tenant, "push.en")
    assert found == Experiment(
        "push.en", {"a": {"buyer": Counts(0, 0, 1), "new": Counts(1, 1)}, "b:c": {"new": Counts(1)}}, NOW + 3
    )


async def test_a_slice_that_comes_again_or_overlaps_changes_nothing(
    store: RedisExperiments, tenant: str, happened: Make
) -> None:
    await store.count(span(2), tenant, "push.en", everywhere([happened(0), happened(1)]))
    await store.count(span(2), tenant, "push.en", everywhere([happened(0), happened(1)]))
    await store.count(span(3), tenant, "push.en", everywhere([happened(1, event="other"), happened(2)]))
    assert await clicks(store, tenant) == 3


async def test_an_event_that_its_producer_sent_twice_counts_once(
    store: RedisExperiments, tenant: str, happened: Make
) -> None:
    twice = [happened(0, event="same"), happened(1, event="same")]
    await store.count(span(2), tenant, "push.en", everywhere(twice))
    await store.count(span(6, partition=3), tenant, "push.en", everywhere([happened(5, event="same")]))
    assert await clicks(store, tenant) == 1


async def test_offsets_of_another_life_of_the_log_are_not_mistaken_for_old_ones(
    store: RedisExperiments, tenant: str, happened: Make
) -> None:
    await store.count(span(8), tenant, "push.en", everywhere([happened(7)]))
    await store.count(span(1, log="new life"), tenant, "push.en", everywhere([happened(0, event="fresh")]))
    assert await clicks(store, tenant) == 2


async def test_partitions_have_offsets_of_their_own(store: RedisExperiments, tenant: str, happened: Make) -> None:
    await store.count(span(8), tenant, "push.en", everywhere([happened(7)]))
    await store.count(span(1, partition=1), tenant, "push.en", everywhere([happened(0)]))
    assert await clicks(store, tenant) == 2
