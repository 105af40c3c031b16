"""Experiments in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Any

from redis.asyncio import Redis

from content.domain.composition import Outcome
from content.domain.experiment import Counts, Experiment
from content.stores.away import memory
from content.stores.counting import Counter
from content.stores.together import Together
from content.usecases.ports import Happened, Span

_COLUMNS = {str(outcome): place for place, outcome in enumerate((Outcome.IMPRESSION, Outcome.CLICK, Outcome.PURCHASE))}


class RedisExperiments:
    """Keys: `experiment:{t/<tenant>/<id>}:arms` is a hash with `a:<variant>` for each arm, a count in each
    `n:<outcome>:<context>:<variant>`, `o:…` as Counter says and `last`; `…:events` holds digests of counted events;
    `experiment:{t/<tenant>}:all` holds the ids of a shop's experiments. Nothing in them names a person.
    """

    def __init__(self, redis: Redis, now: Callable[[], int], together: Together | None = None) -> None:
        """`now`: milliseconds since 1970; `together`: shared with the stores that are used at the same time."""
        self._redis, self._now, self._counter = redis, now, Counter(redis)
        self._together = together or Together(redis)

    async def open(self, tenant: str, experiment_id: str, variants: Collection[str]) -> None:
        if not variants:
            return
        arms: list[str | int] = [word for variant in variants for word in (f"a:{variant}", 1)]
        with memory():
            await asyncio.gather(
                self._together.ask("SADD", _all(tenant), experiment_id),
                self._together.ask("HSET", _arms(tenant, experiment_id), *arms),
            )

    async def get(self, tenant: str, experiment_id: str) -> Experiment | None:
        with memory():
            held = await self._together.ask("HGETALL", _arms(tenant, experiment_id))
        return _experiment(experiment_id, held) if held else None

    async def all(self, tenant: str) -> Sequence[Experiment]:
        with memory():
            members: set[Any] = await self._redis.smembers(_all(tenant))
        ids = sorted(name.decode() for name in members)
        found = [await self.get(tenant, name) for name in ids]
        return [experiment for experiment in found if experiment is not None]

    async def count(
        self, span: Span, tenant: str, experiment_id: str, outcomes: Sequence[tuple[Happened, str]]
    ) -> None:
        counts = _arms(tenant, experiment_id)
        fields = [(o, f"n:{o.outcome}:{context}:{o.variant_id}") for o, context in outcomes]
        with memory():
            async with self._redis.pipeline(transaction=False) as pipe:
                events = _events(tenant, experiment_id)
                await self._counter.add(pipe, counts, events, span, fields, arrived=self._now())
                await pipe.execute()


def _experiment(experiment_id: str, held: dict[Any, Any]) -> Experiment:
    arms: dict[str, dict[str, list[int]]] = {}
    for key, number in sorted(held.items()):
        kind, _, rest = key.decode().partition(":")
        if kind == "a":
            arms.setdefault(rest, {})
        elif kind == "n":
            outcome, context, variant = rest.split(":", 2)
            counts = arms.setdefault(variant, {}).setdefault(context, [0, 0, 0])
            counts[_COLUMNS[outcome]] = int(number)
    counted = {variant: {c: Counts(*counts) for c, counts in by.items()} for variant, by in arms.items()}
    return Experiment(experiment_id, counted, int(held.get(b"last", 0)))


def _arms(tenant: str, experiment_id: str) -> str:
    return f"experiment:{{t/{tenant}/{experiment_id}}}:arms"


def _events(tenant: str, experiment_id: str) -> str:
    return f"experiment:{{t/{tenant}/{experiment_id}}}:events"


def _all(tenant: str) -> str:
    return f"experiment:{{t/{tenant}}}:all"
