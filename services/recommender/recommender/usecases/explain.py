"""Why this product for this person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recommender.domain.around import Step
from recommender.domain.history import Done
from recommender.domain.product import Key, Product
from recommender.domain.reasons import reason
from recommender.domain.score import Mode, Scored, score
from recommender.domain.shop import Allowed, Shop
from recommender.usecases.offer import basis
from recommender.usecases.ports import Fallback, Models
from recommender.usecases.relations import Person
from recommender.usecases.tell_policy import Coefficients
from recommender.usecases.understand import Understand, Understanding
from recommender.usecases.world import World

_MOST = 20  # behaviours and edges that are told


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much one behaviour speaks for a product."""

    product_id: str
    text: str
    similarity: float
    weight: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why."""

    product: Product
    score: Scored
    evidence: Sequence[Evidence]
    paths: Sequence[tuple[str, str, Step]]  # ids of both ends
    excluded: str
    reason: str
    by: Sequence[str]
    fallbacks: Sequence[Fallback]
    stale: bool


class Explain:
    """Tells the terms, the behaviours and the edges behind a score."""

    def __init__(self, world: World, understand: Understand, models: Models, weights: Coefficients) -> None:
        self._world, self._understand, self._models, self._weights = world, understand, models, weights

    async def __call__(self, person: Person, product_id: str, language: str, mode: Mode) -> Explanation:
        """Raises UnknownProduct."""
        product = self._world.product(Key(person.tenant, product_id))
        known = await self._understand(person, (), mode)
        shop, wish = known.shop, known.wish
        place = shop.places[product_id]
        language = language or known.language or "en"
        weights, _ = self._weights.of(person.tenant)
        scored = score(shop, wish, [place], weights, mode).at(0)
        steps = wish.around.steps_to(place) if wish.around is not None and mode is Mode.CONDITIONED else []
        return Explanation(
            product,
            scored,
            (await self._evidence(known, place))[:_MOST],
            [(shop.ids[step.source], shop.ids[step.target], step) for step in steps[:_MOST]],
            _excluded(shop, place, known.seen().get(place)),
            reason(shop, scored, basis(wish, known.texts), language),
            [self._models.space, "graph", *known.by],
            known.fallbacks,
            known.stale,
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
                    Evidence(shop.ids[seed], "", float(shop.vectors.at(seed) @ vector), weight)
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
                found.append(Evidence(behavior.product_id, "", cosine, behavior.weight))
        return sorted(found, key=lambda e: -e.similarity * e.weight)


def _excluded(shop: Shop, place: int, done: int | None) -> str:
    if done is not None:
        return "bought before" if done & Done.BOUGHT else "disliked" if done & Done.REFUSED else "seen before"
    return Allowed().why_not(shop, place)
