"""From what people do to what is remembered of them, and back out of it.

Every write is guarded by the log's offsets, in the transaction of the store: a repeat changes nothing, and neither does
a replica that lost the partition and does not know it yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from recommender.domain.history import MOST, History, Meeting
from recommender.domain.product import Key
from recommender.domain.trend import share
from recommender.usecases.relations import Fenced, Follow, Learnt, Page, Person, Relations, Span
from recommender.usecases.world import World, settle

# Behaviours that are taken within one turn of the event loop: 5 to 8 ms. Those of a store that replicas share wait for
# it anyway, and each transaction costs it more than that.
_ALONE, _SHARED = 100, 500


class Behavior(NamedTuple):
    """A clickstream record about a product."""

    offset: int
    person: Person
    product_id: str
    done: int
    at: int  # milliseconds since 1970
    weight: float  # what it adds to the product's trend
    event: int  # 64-bit name of the event's id


class LearnBehavior:
    """What people do with products."""

    def __init__(self, world: World, relations: Relations, follow: Follow) -> None:
        self._world, self._relations, self._follow = world, relations, follow

    async def __call__(self, span: Span, behaviors: Sequence[Behavior]) -> None:
        """Take the behaviours that were not applied yet, in the order of the log."""
        at_once = _SHARED if self._relations.shared else _ALONE
        for start in range(0, len(behaviors), at_once):
            part = behaviors[start : start + at_once]
            await settle(self._world, self._relations, self._new(part))
            await self._apply(replace(span, next_offset=part[-1].offset + 1), part)
            await asyncio.sleep(0)
        if not behaviors or behaviors[-1].offset + 1 < span.next_offset:  # else it has moved that far already
            await self._relations.write(span, Learnt())

    def _new(self, behaviors: Sequence[Behavior]) -> list[Key]:
        known = {tenant: self._world.look(tenant).places for tenant in {b.person.tenant for b in behaviors}}
        return [
            Key(person.tenant, product_id)
            for _, person, product_id, _, _, _, _ in behaviors
            if product_id not in known[person.tenant]
        ]

    async def _apply(self, span: Span, behaviors: Sequence[Behavior]) -> None:
        while True:
            page = await self._relations.read(span, list({behavior.person for behavior in behaviors}))
            learnt = self._learn(page, behaviors)
            try:
                written = await self._relations.write(span, learnt, page)
            except Fenced:
                await self._follow()
                continue
            if self._relations.shared and self._world.lacks(learnt.histories):
                await self._follow()  # a place that another replica gave out
            if self._world.made(written.number):
                self._world.learn(learnt.met, learnt.trend)
            return

    def _learn(self, page: Page, behaviors: Sequence[Behavior]) -> Learnt:
        touched: dict[Person, History] = {}
        met: dict[str, list[Meeting]] = {}
        trend: dict[tuple[str, int], float] = {}
        for offset, person, product_id, done, at, weight, event in behaviors:
            if offset < page.applied or at <= page.forgotten.get(person, 0):
                continue
            history = page.histories[person]
            if not history.is_new(event):
                continue
            tenant = person.tenant
            place = self._world.shops[tenant].places[product_id]
            touched[person] = history
            meetings = met.setdefault(tenant, [])
            meetings.append(history.add(place, done, at))
            if len(history.items) > MOST:
                meetings += history.trim()
            if weight:
                trend[tenant, place] = trend.get((tenant, place), 0.0) + share(at, weight)
        return Learnt(histories=touched, met=met, trend=trend)


class Forgotten(NamedTuple):
    """What was removed of one or more people."""

    histories: int
    edges: int  # steps and pairs that they had added to the graph


class Forget:
    """Removes a person: the history, and what it added to the graph. Trends hold no one in particular."""

    def __init__(self, world: World, relations: Relations) -> None:
        self._world, self._relations = world, relations

    async def __call__(self, person: Person, at: int) -> Forgotten:
        """Events from before `at` (milliseconds since 1970) do not bring them back."""
        return await self._forget(None, {person: at}, None)

    async def requests(self, span: Span, requests: Sequence[tuple[int, Person, int]]) -> None:
        """Whom to forget: (offset, person, when it was asked for).

        A wish that was granted already, by a call before its record came, removes nothing of what was done since.
        """
        people = list({person for _, person, _ in requests})
        while True:
            page = await self._relations.read(span, people)
            wanted: dict[Person, int] = {}
            for offset, person, at in requests:
                if offset >= page.applied and at > page.forgotten.get(person, 0):
                    wanted[person] = max(at, wanted.get(person, 0))
            try:
                await self._forget(span, wanted, page)
            except Fenced:
                continue
            return

    async def _forget(self, span: Span | None, wanted: Mapping[Person, int], base: Page | None) -> Forgotten:
        written = await self._relations.write(span, Learnt(forget=wanted), base)
        met: dict[str, list[Meeting]] = {}
        for person, history in written.removed.items():
            met.setdefault(person.tenant, []).extend(history.undone())
        if self._world.made(written.number):
            self._world.learn(met, {})
        edges = sum(len(m.before) + len(m.wished) for meetings in met.values() for m in meetings)
        return Forgotten(len(written.removed), edges)
