"""Products like one."""

from __future__ import annotations

from recommender.domain.around import Around
from recommender.domain.choice import choose
from recommender.domain.product import Key
from recommender.domain.score import Mode, Weights, Wish, score
from recommender.domain.shortage import fewer
from recommender.usecases.candidates import Candidates
from recommender.usecases.offer import Asked, Offers, basis, offers
from recommender.usecases.ports import Models
from recommender.usecases.world import World

ALIKE = Weights(balance=0.3, dense=0.5, recent=0.0, words=0.3, trend=0.0, text=0.0)


class Similar:
    """Products like one."""

    def __init__(self, world: World, candidates: Candidates, models: Models) -> None:
        self._world, self._candidates, self._models = world, candidates, models

    async def __call__(self, key: Key, asked: Asked) -> Offers:
        """Raises UnknownProduct."""
        self._world.product(key)
        shop = self._world.shop(key.tenant)
        place = shop.places[key.product_id]
        bag = shop.words.bag(place)
        words = dict(zip(bag.words.tolist(), bag.weights.tolist(), strict=True))
        wish = Wish(vector=shop.vectors.at(place), words=words, around=Around(shop, [place]))
        found = await self._candidates(shop, wish, asked.k, asked.allowed, [place])
        alike = [p for p in found.places if found.sources(p) != ["trend"]]
        chosen = choose(shop, score(shop, wish, alike, ALIKE, Mode.CONDITIONED), asked.k, diverse=False)
        made = offers(shop, chosen, found, basis(wish, []), asked.language or "en")
        shortage = "" if len(made) >= asked.k else fewer(shop, asked.allowed, [place])
        return Offers(made, [self._models.space, "graph"], shortage=shortage)
