"""What comes again, comes late or was lost by Redis changes nothing that it should not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.kafka import Decoded, Record, Rewound, Route, Slice, Source
from content.handlers import CLICKS, ERASURES, TEMPLATES, decode_erasure, outcome_decoder, routes
from content.usecases.learn import Forget, GrantErasures, LearnOutcomes, LearnTemplates

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
