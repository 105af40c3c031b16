"""Products like one: what could be bought in its place, and what with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from recommender.domain.around import Around
from recommender.domain.arrange import offered
from recommender.domain.context import Context
from recommender.domain.kinship import COMPLEMENT, SUBSTITUTE, substitutes
from recommender.domain.product import Key
from recommender.domain.score import Mode, Weights, Wish, score
from recommender.usecases.candidates import Candidates
from recommender.usecases.decisions import NOBODY, Decisions
from recommender.usecases.offer import Asked, Offers, basis, offers, shortage
from recommender.usecases.ports import Models
from recommender.usecases.world import World

ALIKE = Weights(balance=0.3, dense=0.5, recent=0.0, words=0.3, trend=0.0, text=0.0)
# What goes with a product is seen by what people and the catalogue put together; likeness orders what is left.
BESIDE = Weights(balance=1.0, dense=0.1, recent=0.0, words=0.1, trend=0.0, text=0.0)
_ANYWAY = frozenset({"trend", "fresh", "catalog"})  # sources that say nothing of the product


class Similar:
    """Products like one."""

    def __init__(self, world: World, candidates: Candidates, models: Models, decisions: Decisions) -> None:
        self._world, self._candidates, self._models, self._decisions = world, candidates, models, decisions

    async def __call__(self, key: Key, asked: Asked, kind: str = "") -> Offers:
        """`kind`: SUBSTITUTE, COMPLEMENT, or both. Raises UnknownProduct."""
        self._world.product(key)
        shop = self._world.shop(key.tenant)
        place = shop.places[key.product_id]
        words = shop.words.together([place], np.ones(1))
        wish = Wish(vector=shop.vectors.at(place), words=words, around=Around(shop, [place]))
        ruling = self._decisions.ruling(shop, Context.PRODUCT_PAGE, NOBODY)
        allowed = replace(asked.allowed, now=ruling.now)
        found = await self._candidates(shop, wish, asked.k, allowed, [place], ruling)
        alike = np.array([p for p in found.places.tolist() if set(found.sources(p)) - _ANYWAY], dtype=np.int64)
        instead = substitutes(shop, place, alike)
        if kind:
            wanted = instead if kind == SUBSTITUTE else ~instead
            alike, instead = alike[wanted], instead[wanted]
        boosts = ruling.boosts(alike) if ruling else None
        weights = BESIDE if kind == COMPLEMENT else ALIKE
        scores = score(shop, wish, alike, weights, Mode.CONDITIONED, boosts)
        chosen = offered(shop, scores, asked.k, ruling, diverse=False)
        made = offers(shop, chosen, found, basis(wish, [], self._models), asked.language or "en", ruling)
        relation = dict(zip(alike.tolist(), np.where(instead, SUBSTITUTE, COMPLEMENT).tolist(), strict=True))
        told = [offer._replace(relation=relation[offer.score.place]) for offer in made]
        short = "" if len(told) >= asked.k else shortage(shop, allowed, [place], ruling, [place])
        if short and told:
            short = f"no more {kind}s of it are known" if kind else f"{short}; nothing else is known to be like it"
        return Offers(told, [self._models.space, "graph"], shortage=short)
