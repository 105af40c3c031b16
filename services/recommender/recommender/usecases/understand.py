"""What is known of a person, from the needs service, and from our own memory when it is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chassis.kafka import Position as Watermark
from recommender.domain.around import Around
from recommender.domain.history import Done, History
from recommender.domain.rules import Customer
from recommender.domain.score import Mode, Wish
from recommender.domain.shop import Shop
from recommender.domain.sought import Sought, blended
from recommender.usecases.ports import Behavior, Fallback, Models, Needs, NeedsAway, NeedView, Vector
from recommender.usecases.reach import Reach
from recommender.usecases.relations import Follow, Person, Relations, RelationsAway
from recommender.usecases.world import World

_UNKNOWN = Customer(known=False)
SEEDS = 30  # of the person's last products; one alone lasts 10 (decay .7 per moment), an order is often longer


@dataclass(frozen=True, slots=True, eq=False)
class Understanding:
    """All that a request needs to know of a person."""

    shop: Shop
    wish: Wish
    history: History
    spectrum: Sequence[Behavior]
    texts: Sequence[str]  # what the person said, newest first
    language: str  # the person's own; empty: not known
    by: Sequence[str]
    fallbacks: Sequence[Fallback]
    stale: bool
    customer: Customer  # what the shop keeps of the person, where a rule looks at it


class Understand:
    """Makes the wish of a person."""

    def __init__(
        self, world: World, relations: Relations, needs: Needs, models: Models, reach: Reach, follow: Follow
    ) -> None:
        self._world, self._relations, self._needs = world, relations, needs
        self._models, self._reach, self._follow = models, reach, follow

    async def __call__(
        self, person: Person, at_least: Sequence[Watermark] = (), mode: Mode = Mode.CONDITIONED
    ) -> Understanding:
        """Never fails for want of the needs service or the store: says so instead."""
        need, recalled = await asyncio.gather(self._ask(person, at_least, mode), self._recall(person, at_least))
        return await self._all(person, need, recalled)

    async def leaning(self, person: Person) -> Understanding:
        """What a search leans towards: the need alone, without products and words, where that tells enough."""
        need = await self._ask(person, (), Mode.CONDITIONED)
        if isinstance(need, NeedView) and need.known and need.space == self._models.space:
            shop, wish = self._world.look(person.tenant), Wish(vector=need.vector)
            customer = need.customer or _UNKNOWN
            return Understanding(shop, wish, History(), [], [], need.language, need.by, [], need.stale, customer)
        return await self._all(person, need, await self._recall(person, ()))

    async def _all(
        self, person: Person, need: NeedView | NeedsAway, recalled: tuple[bool, History | RelationsAway]
    ) -> Understanding:
        reached, remembered = recalled
        if isinstance(need, NeedView) and isinstance(remembered, History) and need.also_known_as:
            remembered = await self._joined(person.tenant, remembered, need.also_known_as)
        shop = self._world.look(person.tenant)
        fallbacks = []
        if isinstance(remembered, RelationsAway):
            history = _told(shop, [] if isinstance(need, NeedsAway) else need.spectrum)
            fallbacks.append(Fallback("relations", "need" if history.items else "trend", str(remembered)))
        else:
            history = remembered
        seeds = history.recent(SEEDS)
        around = Around(shop, seeds, history.back(seeds))
        if isinstance(need, NeedsAway):
            used = "history" if seeds else "trend"
            fallbacks.append(Fallback("needs", used, str(need)))
            return Understanding(
                shop, _from_history(shop, around), history, [], [], "", [], fallbacks, not reached, _UNKNOWN
            )
        vector = need.vector
        if vector is not None and need.space != self._models.space:
            why = f"the need is of space {need.space!r}, products are of {self._models.space!r}"
            fallbacks.append(Fallback("needs", "history", why))
            vector = _mean(shop, around)
        if not seeds:
            seeds = shop.known([b.product_id for b in need.spectrum if b.product_id and b.weight > 0])[:SEEDS]
            around = Around(shop, seeds)
        words = self._models.names(need.words)
        if not need.known and not seeds:
            fallbacks.append(Fallback("need", "trend", "nothing is known of this person yet"))
        return Understanding(
            shop,
            Wish(vector=vector, words=blended(shop.words.sought(words), _words(shop, around)), around=around),
            history,
            need.spectrum,
            [b.text for b in need.spectrum if b.text],
            need.language,
            need.by,
            fallbacks,
            need.stale or not reached,
            need.customer or _UNKNOWN,
        )

    async def _ask(self, person: Person, at_least: Sequence[Watermark], mode: Mode) -> NeedView | NeedsAway:
        whole = self._world.policies.personal(person.tenant)
        try:
            return await self._needs.need(person, at_least, article=mode is Mode.ARTICLE, whole=whole)
        except NeedsAway as away:
            return away

    async def _recall(self, person: Person, at_least: Sequence[Watermark]) -> tuple[bool, History | RelationsAway]:
        """Whether the log is applied so far, and then what is remembered."""
        return await self._reach(at_least), await self._remember(person)

    async def _joined(self, tenant: str, own: History, others: Sequence[str]) -> History | RelationsAway:
        """With what the person did before they signed in. Both are left as they are: an erasure undoes it."""
        found = await asyncio.gather(*(self._remember(Person(tenant, user)) for user in others))
        away = next((each for each in found if isinstance(each, RelationsAway)), None)
        return away or History.together([own, *(each for each in found if isinstance(each, History))])

    async def _remember(self, person: Person) -> History | RelationsAway:
        try:
            history = await self._relations.history(person)
            if self._relations.shared and self._world.lacks({person: history}):
                await self._follow()  # another replica gave out a place since the last look
        except RelationsAway as away:
            return away
        return history


def _from_history(shop: Shop, around: Around) -> Wish:
    return Wish(vector=_mean(shop, around), words=_words(shop, around), around=around)


def _told(shop: Shop, spectrum: Sequence[Behavior]) -> History:
    """What a need tells of a person's history."""
    history = History()
    for moment, behavior in enumerate(reversed([b for b in spectrum if b.product_id])):
        for place in shop.known([behavior.product_id]):
            history.add(place, Done.SEEN if behavior.weight > 0 else Done.REFUSED, moment)
    return history


def _mean(shop: Shop, around: Around) -> Vector | None:
    """r_u from the last products alone: their mean by recency, unit length or zero."""
    if not around.seeds:
        return None
    total = (around.weights[:, None] * shop.vectors.take(around.seeds)).sum(axis=0)
    length = float(np.linalg.norm(total))
    vector: Vector = (total / length if length else total).astype(np.float32)
    return vector


def _words(shop: Shop, around: Around) -> Sought:
    return shop.words.together(around.seeds, around.weights)
