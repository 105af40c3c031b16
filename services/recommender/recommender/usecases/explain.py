"""Why this product for this person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from recommender.domain.allowed import Allowed
from recommender.domain.around import Step
from recommender.domain.context import Context
from recommender.domain.history import Done, History
from recommender.domain.kinship import of_any
from recommender.domain.manners import MANNERS, Manner
from recommender.domain.product import Key, Product
from recommender.domain.reasons import reason
from recommender.domain.rules import Rule
from recommender.domain.ruling import Ruling
from recommender.domain.score import Mode, Scored, score
from recommender.domain.shop import Shop
from recommender.usecases.decisions import Decisions
from recommender.usecases.offer import basis
from recommender.usecases.ports import Fallback, Models
from recommender.usecases.relations import Person
from recommender.usecases.scene import standing, wish_there
from recommender.usecases.understand import Understand, Understanding
from recommender.usecases.world import World

_MOST = 20  # behaviours and edges that are told
_DEEDS = {Done.REFUSED: "refused", Done.BOUGHT: "bought", Done.WANTED: "wanted", Done.SEEN: "seen"}  # the most first


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much one behaviour speaks for a product."""

    product_id: str
    text: str
    similarity: float
    weight: float
    did: str = ""  # with the product, the most of it


@dataclass(frozen=True, slots=True)
class Way:
    """One step of the graph, from a product of the person."""

    source: str  # ids of both ends
    target: str
    step: Step
    did: str  # with the source, the most of it; `there`: it stands beside the offer


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why."""

    product: Product
    score: Scored
    evidence: Sequence[Evidence]
    paths: Sequence[Way]
    excluded: str
    reason: str
    by: Sequence[str]
    fallbacks: Sequence[Fallback]
    stale: bool
    rules: Sequence[Rule]  # that concern it


class Explain:
    """Tells the terms, the behaviours and the edges behind a score."""

    def __init__(self, world: World, understand: Understand, models: Models, decisions: Decisions) -> None:
        self._world, self._understand, self._models, self._decisions = world, understand, models, decisions

    async def __call__(
        self,
        person: Person,
        product_id: str,
        language: str,
        mode: Mode,
        context: Context = Context.HOME,
        there: Sequence[str] = (),
    ) -> Explanation:
        """`there`: ids of what stands where the offer is shown. Raises UnknownProduct."""
        product = self._world.product(Key(person.tenant, product_id))
        known = await self._understand(person, (), mode)
        shop, manner = known.shop, MANNERS[context]
        place, around = shop.places[product_id], standing(shop, there)
        language = language or known.language or "en"
        ruling = self._decisions.ruling(shop, context, known.customer._replace(language=language))
        weights, _ = self._decisions.weights(person.tenant)
        wish = await wish_there(known, around, manner, self._models)
        boosts = ruling.boosts(np.array([place])) if ruling else None
        scored = score(shop, wish, [place], replace(weights, factors=manner.factors), mode, boosts).at(0)
        steps = wish.around.steps_to(place) if wish.around is not None and mode is Mode.CONDITIONED else []
        return Explanation(
            product,
            scored,
            (await self._evidence(known, place))[:_MOST],
            [_way(shop, step, known.history, around) for step in steps[:_MOST]],
            _excluded(shop, place, ruling, ruling.without(known.history, seen=False), around, manner),
            reason(shop, scored, basis(wish, known.texts, self._models), language),
            [self._models.space, "graph", *known.by],
            known.fallbacks,
            known.stale,
            ruling.about(place),
        )

    async def _evidence(self, known: Understanding, place: int) -> list[Evidence]:
        shop = known.shop
        vector = shop.vectors.at(place)
        if not known.spectrum:  # the needs service is away, or has nothing yet: the person's own products speak
            around = known.wish.around
            own = (
                []
                if around is None
                else [
                    Evidence(
                        shop.ids[seed], "", float(shop.vectors.at(seed) @ vector), weight, _did(known.history, seed)
                    )
                    for seed, weight in zip(around.seeds, around.weights.tolist(), strict=True)
                ]
            )
            return sorted(own, key=lambda e: -e.similarity * e.weight)
        texts = [b for b in known.spectrum if b.text]
        read = await self._models.texts([b.text for b in texts])
        found = [
            Evidence("", b.text, float(spoken @ vector), b.weight) for b, (spoken, _) in zip(texts, read, strict=True)
        ]
        for behavior in known.spectrum:
            at = shop.places.get(behavior.product_id)
            if behavior.product_id and at is not None:
                cosine = float(shop.vectors.at(at) @ vector)
                did = _did(known.history, at) if behavior.weight >= 0 else "refused"
                found.append(Evidence(behavior.product_id, "", cosine, behavior.weight, did))
        return sorted(found, key=lambda e: -e.similarity * e.weight)


def _way(shop: Shop, step: Step, history: History, there: Sequence[int]) -> Way:
    did = "there" if step.source in there else _did(history, step.source)
    return Way(shop.ids[step.source], shop.ids[step.target], step, did)


def _did(history: History, place: int) -> str:
    """The most that was done with a product; empty: nothing that is remembered."""
    item = history.items.get(place)
    if item is None:
        return ""
    return next(name for bit, name in _DEEDS.items() if item.done & bit)


def _excluded(
    shop: Shop, place: int, ruling: Ruling, without: Mapping[int, str], there: Sequence[int], manner: Manner
) -> str:
    """Why it would not be offered; empty: it would."""
    if (rule := ruling.why_not(place)) is not None:
        return f"rule {rule.rule_id!r}" + (f": {rule.reason}" if rule.reason else "")
    if place in there:
        return "there already"
    if not manner.substitutes and of_any(shop, there, np.array([place]))[0]:
        return "in place of what stands there, not with it"
    return without.get(place, "") or Allowed(now=ruling.now).why_not(shop, place)
