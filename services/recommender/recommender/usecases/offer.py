"""Products for a person, and what the replies of all verbs that offer products are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chassis.kafka import Position as Watermark
from recommender.domain.choice import choose
from recommender.domain.mentions import Mention
from recommender.domain.product import Product
from recommender.domain.reasons import Basis, reason
from recommender.domain.score import LAST, Mode, Scored, Wish, score
from recommender.domain.shop import Allowed, Shop
from recommender.domain.shortage import fewer
from recommender.usecases.candidates import Candidates, Proposed
from recommender.usecases.ports import Fallback, Models
from recommender.usecases.recommendation_text import TextSource
from recommender.usecases.relations import Person
from recommender.usecases.tell_policy import Coefficients
from recommender.usecases.understand import Understand


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
    shortage: str = ""  # why there are fewer than asked for
    ranker: str = ""  # version of the coefficients
    balance: float = 0.0  # λ


@dataclass(frozen=True, slots=True)
class Asked:
    """What of offers is asked for."""

    k: int
    allowed: Allowed
    language: str  # empty: the person's, else English


class Recommend:
    """Products for a person."""

    def __init__(
        self, understand: Understand, candidates: Candidates, text: TextSource, models: Models, weights: Coefficients
    ) -> None:
        self._understand, self._candidates, self._text = understand, candidates, text
        self._models, self._weights = models, weights

    async def __call__(
        self, person: Person, asked: Asked, mode: Mode, at_least: Sequence[Watermark] = (), *, with_text: bool = False
    ) -> Offers:
        """At most k products, best first; someone unknown is offered what is popular."""
        known = await self._understand(person, at_least, mode)
        language = asked.language or known.language or "en"
        shop, wish = known.shop, known.wish
        weights, ranker = self._weights.of(person.tenant)
        without = () if asked.allowed.seen else known.history.items
        found = await self._candidates(shop, wish, asked.k, asked.allowed, without)
        by = [self._models.space, "graph" if wish.seeds else "trend", *known.by]
        fallbacks = list(known.fallbacks)
        written = ""
        mentions: Sequence[Mention] = ()
        if with_text:
            first = choose(shop, score(shop, wish, found.places, weights, mode), 3, diverse=True)
            source = await self._text(shop, wish, first, known.texts, language, asked.allowed)
            written, mentions = source.text, source.mentions
            by += source.by
            fallbacks += source.fallbacks
            wish = replace(wish, mentioned={m.place: m.similarity for m in mentions})
            found = await self._candidates(shop, wish, asked.k, asked.allowed, without)
        scored = score(shop, wish, found.places, weights, mode)
        chosen = choose(shop, scored, asked.k, diverse=True)
        return Offers(
            offers(shop, chosen, found, basis(wish, known.texts), language),
            by,
            fallbacks,
            known.stale,
            written,
            [(shop.ids[m.place], m) for m in mentions],
            "" if len(chosen) >= asked.k else fewer(shop, asked.allowed, without),
            ranker,
            weights.balance,
        )


def basis(wish: Wish, texts: Sequence[str]) -> Basis:
    """What reasons may speak of; `texts`: what was said, newest first."""
    return Basis(wish.around, wish.seeds[:LAST], texts[:1])


def offers(shop: Shop, chosen: Sequence[Scored], found: Proposed, spoken_of: Basis, language: str) -> list[Offer]:
    """The chosen products with the words for them."""
    return [Offer(shop.at(s.place), s, found.sources(s.place), reason(shop, s, spoken_of, language)) for s in chosen]
