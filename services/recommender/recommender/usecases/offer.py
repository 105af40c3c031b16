"""The verbs that answer with products: recommend, similar, search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from chassis.kafka import Position as Watermark
from recommender.domain.choice import choose
from recommender.domain.errors import ForeignSpace, UnusableVector
from recommender.domain.mentions import Mention
from recommender.domain.product import Product
from recommender.domain.reasons import Basis, reason
from recommender.domain.score import LAST, Mode, Scored, Weights, Wish, score
from recommender.domain.shop import Allowed, Shop
from recommender.usecases.candidates import Candidates, Proposed
from recommender.usecases.ports import Fallback, Models, Vector
from recommender.usecases.recommendation_text import TextSource
from recommender.usecases.relations import Person
from recommender.usecases.understand import Understand, Understanding
from recommender.usecases.world import World

# Words and meaning decide; what is popular only between equals. Each alone ranks worse.
SEARCH = Weights(balance=0.0, dense=0.5, recent=0.0, words=0.5, trend=0.01, text=0.0)


@dataclass(frozen=True, slots=True)
class Offer:
    """One product for someone."""

    product: Product
    score: Scored
    sources: Sequence[str]
    reason: str


@dataclass(frozen=True, slots=True)
class Offers:
    """Best first, and who made them."""

    offers: Sequence[Offer]
    by: Sequence[str]
    fallbacks: Sequence[Fallback] = ()
    stale: bool = False
    text: str = ""
    mentions: Sequence[tuple[str, Mention]] = ()  # product id and where the text speaks of it


@dataclass(frozen=True, slots=True)
class Asked:
    """What of offers is asked for."""

    k: int
    allowed: Allowed
    language: str  # empty: the person's, else English


class Recommend:
    """Products for a person."""

    def __init__(
        self, understand: Understand, candidates: Candidates, text: TextSource, models: Models, weights: Weights
    ) -> None:
        self._understand, self._candidates, self._text = understand, candidates, text
        self._models, self.weights = models, weights

    async def __call__(
        self, person: Person, asked: Asked, mode: Mode, at_least: Sequence[Watermark] = (), *, with_text: bool = False
    ) -> Offers:
        """At most k products, best first; someone unknown is offered what is popular."""
        known = await self._understand(person, at_least, mode)
        language = asked.language or known.language or "en"
        shop, wish = known.shop, known.wish
        without = () if asked.allowed.seen else known.history.items
        found = await self._candidates(shop, wish, asked.k, asked.allowed, without)
        by = [self._models.space, "graph" if wish.seeds else "trend", *known.by]
        fallbacks = list(known.fallbacks)
        written = ""
        mentions: Sequence[Mention] = ()
        if with_text:
            first = choose(shop, score(shop, wish, found.places, self.weights, mode), 3, diverse=True)
            source = await self._text(shop, wish, first, known.texts, language, asked.allowed)
            written, mentions = source.text, source.mentions
            by += source.by
            fallbacks += source.fallbacks
            wish = replace(wish, mentioned={m.place: m.similarity for m in mentions})
            found = await self._candidates(shop, wish, asked.k, asked.allowed, without)
        scored = score(shop, wish, found.places, self.weights, mode)
        chosen = choose(shop, scored, asked.k, diverse=True)
        return Offers(
            offers(shop, chosen, found, basis(wish, known.texts), language),
            by,
            fallbacks,
            known.stale,
            written,
            [(shop.ids[m.place], m) for m in mentions],
        )


class Search:
    """Products for words or a vector; with a person, nearer to that person's need."""

    def __init__(self, world: World, understand: Understand, candidates: Candidates, models: Models) -> None:
        self._world, self._understand, self._candidates, self._models = world, understand, candidates, models

    async def by_text(self, tenant: str, user: str, text: str, asked: Asked) -> Offers:
        """What fits the words or their meaning; nothing for words that say nothing."""
        ((vector, words),) = await self._models.texts([text])
        language = asked.language or self._models.language(text)
        return await self._search(
            tenant, user, Wish(vector=vector, words=words), replace(asked, language=language), text
        )

    async def by_vector(self, tenant: str, user: str, vector: Vector, space: str, asked: Asked) -> Offers:
        """Raises ForeignSpace and UnusableVector."""
        if space != self._models.space:
            raise ForeignSpace(given=space, ours=self._models.space)
        if len(vector) != self._models.dim:
            raise UnusableVector(value=f"{len(vector)} values", remedy=f"send {self._models.dim} values")
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or not length:
            raise UnusableVector(value=f"length {length}", remedy="send finite values that are not all 0")
        return await self._search(tenant, user, Wish(vector=vector / np.float32(length)), asked, "")

    async def _search(self, tenant: str, user: str, wish: Wish, asked: Asked, text: str) -> Offers:
        shop = self._world.look(tenant)
        by, fallbacks, stale = [self._models.space, "words"], [], False
        if user:
            known: Understanding = await self._understand(Person(tenant, user))
            by += known.by
            fallbacks, stale = list(known.fallbacks), known.stale
            wish = replace(wish, leaning=known.wish.vector)
        found = await self._candidates(shop, wish, asked.k, asked.allowed, ())
        fitting = [place for place in found.places if {"need", "words"} & set(found.sources(place))]
        scores = score(shop, wish, fitting, SEARCH, Mode.CONDITIONED)
        chosen = [s for s in choose(shop, scores, asked.k, diverse=False) if _fits(s)]
        said = basis(wish, [text] if text else [])
        return Offers(offers(shop, chosen, found, said, asked.language or "en"), by, fallbacks, stale)


def basis(wish: Wish, texts: Sequence[str]) -> Basis:
    """What reasons may speak of; `texts`: what was said, newest first."""
    return Basis(wish.around, wish.seeds[:LAST], texts[:1])


def offers(shop: Shop, chosen: Sequence[Scored], found: Proposed, spoken_of: Basis, language: str) -> list[Offer]:
    """The chosen products with the words for them."""
    return [Offer(shop.at(s.place), s, found.sources(s.place), reason(shop, s, spoken_of, language)) for s in chosen]


def _fits(scored: Scored) -> bool:
    """Whether words or meaning speak for it: the nearest of all products is not always near."""
    values = {term.name: term.value for term in scored.terms}
    return values["sim.words"] > 0 or values["sim.dense"] >= 0.2  # noqa: PLR2004 - two unrelated texts reach .1 to .2
