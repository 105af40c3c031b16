"""Products for words or a vector."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from recommender.domain.arrange import offered
from recommender.domain.context import Context
from recommender.domain.errors import ForeignSpace, UnusableVector
from recommender.domain.score import Mode, Scored, Weights, Wish, score
from recommender.domain.shortage import nothing_passes
from recommender.usecases.candidates import Candidates
from recommender.usecases.decisions import NOBODY, Decisions
from recommender.usecases.offer import Asked, Offers, basis, offers
from recommender.usecases.ports import Models, Vector
from recommender.usecases.relations import Person
from recommender.usecases.understand import Understand, Understanding
from recommender.usecases.world import World

# Words and meaning decide; what is popular only between equals. Each alone ranks worse.
SEARCH = Weights(balance=0.0, dense=0.5, recent=0.0, words=0.5, trend=0.01, text=0.0)


class Search:
    """Products for words or a vector; with a person, nearer to that person's need."""

    def __init__(
        self, world: World, understand: Understand, candidates: Candidates, models: Models, decisions: Decisions
    ) -> None:
        self._world, self._understand, self._candidates, self._models = world, understand, candidates, models
        self._decisions = decisions

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
        customer = NOBODY
        if user:
            known: Understanding = await self._understand(Person(tenant, user))
            by += known.by
            fallbacks, stale = list(known.fallbacks), known.stale
            customer = known.customer
            wish = replace(wish, leaning=known.wish.vector)
        ruling = self._decisions.ruling(shop, Context.SEARCH_RESULTS, customer)
        found = await self._candidates(shop, wish, asked.k, asked.allowed, (), ruling)
        fitting = [place for place in found.places if {"need", "words"} & set(found.sources(place))]
        boosts = ruling.boosts(np.array(fitting, dtype=np.int64)) if ruling else None
        scores = score(shop, wish, fitting, SEARCH, Mode.CONDITIONED, boosts)
        chosen = [s for s in offered(shop, scores, asked.k, ruling, diverse=False) if _fits(s)]
        said = basis(wish, [text] if text else [])
        shortage = "" if chosen else nothing_passes(shop, asked.allowed) or "nothing fits the words"
        told = offers(shop, chosen, found, said, asked.language or "en", ruling)
        return Offers(told, by, fallbacks, stale, shortage=shortage)


def _fits(scored: Scored) -> bool:
    """Whether words or meaning speak for it: the nearest of all products is not always near."""
    values = {term.name: term.value for term in scored.terms}
    return values["sim.words"] > 0 or values["sim.dense"] >= 0.2  # noqa: PLR2004 - two unrelated texts reach .1 to .2
