"""Products for a person, and what the replies of all verbs that offer products are made of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from chassis.kafka import Position as Watermark
from recommender.domain.allowed import Allowed
from recommender.domain.arrange import offered
from recommender.domain.context import Context
from recommender.domain.manners import MANNERS
from recommender.domain.mentions import Mention
from recommender.domain.product import Product
from recommender.domain.reasons import Basis, reason
from recommender.domain.rules import Rule
from recommender.domain.ruling import Ruling
from recommender.domain.score import LAST, Mode, Scored, Scores, Wish, score
from recommender.domain.shop import Shop
from recommender.domain.shortage import fewer
from recommender.usecases.candidates import Candidates, Proposed
from recommender.usecases.decisions import Decisions
from recommender.usecases.ports import Fallback, Models
from recommender.usecases.recommendation_text import Limits, TextSource
from recommender.usecases.relations import Person
from recommender.usecases.scene import standing, wish_there
from recommender.usecases.understand import Understand


class Offer(NamedTuple):
    """One product for someone."""

    shop: Shop
    record: bytes  # the product as the catalogue gave it
    score: Scored
    sources: Sequence[str]
    reason: str
    rules: Sequence[Rule] = ()  # that moved it
    relation: str = ""  # of products like one: `substitute` or `complement`

    @property
    def product(self) -> Product:
        """What it is now, for those who look at it: a reply passes the record on. Raises KeyError once it is gone."""
        return self.shop.at(self.score.place)


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
    context: Context = Context.HOME
    there: Sequence[str] = ()  # ids of what stands where the offers are shown


class Recommend:
    """Products for a person."""

    def __init__(
        self, understand: Understand, candidates: Candidates, text: TextSource, models: Models, decisions: Decisions
    ) -> None:
        self._understand, self._candidates, self._text = understand, candidates, text
        self._models, self._decisions = models, decisions

    async def __call__(
        self, person: Person, asked: Asked, mode: Mode, at_least: Sequence[Watermark] = (), *, with_text: bool = False
    ) -> Offers:
        """At most k products, best first; someone unknown is offered what is popular. Raises UnknownProduct."""
        known = await self._understand(person, at_least, mode)
        language = asked.language or known.language or "en"
        shop, manner = known.shop, MANNERS[asked.context]
        there = standing(shop, asked.there)
        ruling = self._decisions.ruling(shop, asked.context, known.customer._replace(language=language))
        weights, ranker = self._decisions.weights(person.tenant)
        weights = replace(weights, factors=manner.factors) if manner.factors else weights
        wish = await wish_there(known, there, manner, self._models)
        allowed = replace(asked.allowed, now=ruling.now)
        allowed = replace(allowed, out_of_stock=False) if manner.lasting else allowed
        without = {**ruling.without(known.history, seen=allowed.seen), **dict.fromkeys(there, "there already")}
        beside = [] if manner.substitutes else there

        async def look(wish: Wish) -> tuple[Proposed, Scores]:
            found = await self._candidates(shop, wish, asked.k, allowed, without, ruling, beside)
            boosts = ruling.boosts(found.places) if ruling else None
            return found, score(shop, wish, found.places, weights, mode, boosts)

        found, scored = await look(wish)
        by = [self._models.space, "graph" if wish.seeds else "trend", *known.by]
        fallbacks = list(known.fallbacks)
        written = ""
        mentions: Sequence[Mention] = ()
        if with_text:
            first = offered(shop, scored, 3, ruling, diverse=True)
            source = await self._text(shop, wish, first, known.texts, language, Limits(allowed, ruling))
            written, mentions = source.text, source.mentions
            by += source.by
            fallbacks += source.fallbacks
            wish = replace(wish, mentioned={m.place: m.similarity for m in mentions})
            found, scored = await look(wish)
        chosen = offered(shop, scored, asked.k, ruling, diverse=True)
        return Offers(
            offers(shop, chosen, found, basis(wish, known.texts, self._models), language, ruling),
            by,
            fallbacks,
            known.stale,
            written,
            [(shop.ids[m.place], m) for m in mentions],
            ""
            if len(chosen) >= asked.k
            else shortage(shop, allowed, without, ruling, there, substitutes=manner.substitutes),
            ranker,
            weights.balance,
        )


def shortage(
    shop: Shop,
    allowed: Allowed,
    without: Collection[int],
    ruling: Ruling,
    there: Collection[int],
    *,
    substitutes: bool = True,
) -> str:
    """Why there are fewer offers than asked for; `there`: what stands where they are shown, among `without` too.

    Without `substitutes` nothing is offered in place of it.
    """
    said = fewer(shop, allowed, without, there)
    passing = allowed.everywhere(shop)
    left = passing[ruling.permits(passing) & ~np.isin(passing, list(without))]
    rules = [*ruling.forbidding(passing), *ruling.capping(left)]
    told = [said, *(f"rule {rule.rule_id!r} leaves out {n} of them" for rule, n in rules)]
    return "; ".join(told if substitutes or not there else [*told, "nothing is offered in place of what stands there"])


def basis(wish: Wish, texts: Sequence[str], models: Models) -> Basis:
    """What reasons may speak of; `texts`: what was said, newest first."""
    last = texts[:1]
    return Basis(wish.around, wish.seeds[:LAST], last, {name: 1.0 for text in last for name in models.named(text)})


def offers(
    shop: Shop, chosen: Sequence[Scored], found: Proposed, spoken_of: Basis, language: str, ruling: Ruling
) -> list[Offer]:
    """The chosen products with the words for them."""
    moving = ruling.moving(np.array([s.place for s in chosen], dtype=np.int64)) if ruling else [()] * len(chosen)
    return [
        Offer(shop, shop.record(s.place), s, found.sources(s.place), reason(shop, s, spoken_of, language), rules)
        for s, rules in zip(chosen, moving, strict=True)
    ]
