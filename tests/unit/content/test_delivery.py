"""What comes again, comes late or was lost by Redis changes nothing that it should not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mortal_redis import Mortal
from ports import free_port
from redis.asyncio import Redis

from chassis.kafka import Decoded, Record, Rewound, Route, Slice, Source
from content.handlers import CLICKS, ERASURES, TEMPLATES, decode_erasure, outcome_decoder, routes
from content.resume import holds
from content.stores.compositions_redis import RedisCompositions
from content.stores.experiments_redis import RedisExperiments
from content.stores.positions_redis import RedisPositions
from content.stores.templates_redis import RedisTemplates
from content.usecases.learn import Forget, GrantErasures, LearnOutcomes, LearnTemplates
from content.usecases.ports import MemoryAway, Span

WRITTEN = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def handlers(shop: Any) -> dict[str, Route[Any]]:
    """By topic."""
    made = routes(
        LearnTemplates(shop.templates, shop.positions),
        LearnOutcomes(shop.experiments, shop.compositions, shop.positions),
        GrantErasures(Forget(shop.compositions), shop.positions),
        shop.positions,
    )
    return {route.topic: route for route in made}


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Mortal]:
    made = Mortal(tmp_path / "redis")
    yield made
    made.stop()


def piece(tenant: str, topic: str, next_offset: int, begins: int) -> Slice[Any]:
    """Of a log of this test's own; nothing in it matters to content."""
    return Slice(Source(tenant, topic, 0), [], next_offset, begins)


def record(**value: Any) -> Record:
    return Record(0, "ada", json.dumps(value).encode(), {}, round(WRITTEN.timestamp() * 1000))


@pytest.mark.parametrize("topic", [TEMPLATES, CLICKS, ERASURES])
async def test_a_redis_that_came_back_with_less_is_given_the_rest_again(
    handlers: dict[str, Route[Any]], tenant: str, topic: str
) -> None:
    await handlers[topic].handle(piece(tenant, topic, 5, 0))
    with pytest.raises(Rewound) as back:
        await handlers[topic].handle(piece(tenant, topic, 12, 9))
    assert back.value.next_offset == 5
    await handlers[topic].handle(piece(tenant, topic, 9, 5))
    await handlers[topic].handle(piece(tenant, topic, 12, 9))


async def test_an_emptied_redis_is_given_templates_and_wishes_from_the_beginning(
    handlers: dict[str, Route[Any]], tenant: str
) -> None:
    for topic in (TEMPLATES, ERASURES):
        with pytest.raises(Rewound) as back:
            await handlers[topic].handle(piece(tenant, topic, 12, 9))
        assert back.value.next_offset == 0
    await handlers[CLICKS].handle(piece(tenant, CLICKS, 12, 9))  # older outcomes belong to no arm that it knows


async def test_a_template_and_its_tombstone_in_one_slice(
    handlers: dict[str, Route[Any]], shop: Any, tenant: str
) -> None:
    value = {"tenant": tenant, "template_id": "t", "channel": "push", "language": "en", "body": "{title}"}
    route = handlers[TEMPLATES]
    template = route.decode(record(**value))
    source = Source(tenant, TEMPLATES, 0)
    await route.handle(Slice(source, [Decoded(0, "t", template), Decoded(1, "t", None)], 2))
    assert await shop.templates.of_channel(tenant, "push") == []


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(hours=3)])
def test_nothing_happens_later_than_kafka_has_it(ahead: timedelta) -> None:
    """A clock that is ahead does not bring back someone who was forgotten, nor keep them away."""
    said = {"composition_id": "c", "experiment_id": "push.en", "variant_id": "a", "propensity": 0.5}
    at = (WRITTEN + ahead).isoformat()
    click = outcome_decoder()(record(event_id="e", user_id="ada", kind="click", content=said, occurred_at=at))
    wish = decode_erasure(record(event_id="e", user_id="ada", requested_at=at))
    assert click is not None
    assert click.occurred_at.ToDatetime(UTC) == wish.requested_at.ToDatetime(UTC) == WRITTEN


def test_what_happened_before_it_was_written_stays_as_it_was() -> None:
    at = WRITTEN - timedelta(days=1)
    wish = decode_erasure(record(event_id="e", user_id="ada", requested_at=at.isoformat()))
    assert wish.requested_at.ToDatetime(UTC) == at


class Crashing(RedisExperiments):
    """Its Redis crashes with its machine after the first experiment of a slice."""

    mortal: Mortal | None = None

    async def count(self, *given: Any) -> None:
        await super().count(*given)
        if self.mortal is not None:
            mortal, self.mortal = self.mortal, None
            await asyncio.to_thread(mortal.crash)


async def test_a_redis_that_loses_the_beginning_of_a_slice_in_the_middle_of_it_is_given_it_again(
    mortal: Mortal, tenant: str
) -> None:
    """The client connects again without a word, so that the rest of the slice would be written as if all were well."""
    redis = Redis(port=mortal.port)
    experiments, positions = Crashing(redis, lambda: 1), RedisPositions(redis)
    compositions = RedisCompositions(redis, lambda: 1, lifetime=timedelta(days=1), forgotten_for=timedelta(days=1))
    learn = LearnOutcomes(experiments, compositions, positions)
    route = routes(
        LearnTemplates(RedisTemplates(redis), positions),
        learn,
        GrantErasures(Forget(compositions), positions),
        positions,
    )[1]
    said = [{"composition_id": "c", "experiment_id": f"e{n}", "variant_id": "a", "propensity": 0.5} for n in range(2)]
    clicks = [
        record(
            event_id=f"{n}", tenant=tenant, user_id="ada", kind="click", content=each, occurred_at=WRITTEN.isoformat()
        )
        for n, each in enumerate(said)
    ]
    for each in said:
        await experiments.open(tenant, each["experiment_id"], ["a"])
    mortal.keep()
    experiments.mortal = mortal
    assert route.decode is not None
    items = [Decoded(offset, "ada", route.decode(click)) for offset, click in enumerate(clicks)]
    part = Slice(Source(tenant, CLICKS, 0), items, 2)
    with pytest.raises(MemoryAway, match="in the middle"):
        await route.handle(part)
    await route.handle(part)
    counted = [await experiments.get(tenant, each["experiment_id"]) for each in said]
    assert [each.total("a").clicks for each in counted if each] == [1, 1]
    assert await positions.applied(tenant, CLICKS, 0) == 2
    await redis.aclose()


async def test_what_the_stores_hold_is_told_and_nothing_while_they_are_away(shop: Any, tenant: str) -> None:
    sources = [Source(tenant, topic, 0) for topic in (TEMPLATES, CLICKS, ERASURES)]
    assert await holds(shop.positions, sources) == {sources[0]: 0, sources[2]: 0}
    await shop.positions.reached(Span(tenant, CLICKS, 0, 7), 5)
    assert (await holds(shop.positions, sources))[sources[1]] == 7
    nobody = Redis(port=free_port(), retry=None)
    assert await holds(RedisPositions(nobody), sources) == {}
    await nobody.aclose()
