"""Where offers are shown, and what stands there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from recommender.domain.around import Around
from recommender.domain.errors import UnknownProduct
from recommender.domain.manners import Manner
from recommender.domain.score import Wish
from recommender.domain.shop import Shop
from recommender.usecases.ports import Models, Vector
from recommender.usecases.understand import SEEDS, Understanding


def standing(shop: Shop, product_ids: Sequence[str]) -> list[int]:
    """Places of what stands there; raises UnknownProduct."""
    for product_id in product_ids:
        if shop.product(product_id) is None:
            raise UnknownProduct(shop.tenant, product_id, field="context_products")
    return shop.known(dict.fromkeys(product_ids))


async def wish_there(known: Understanding, there: Sequence[int], manner: Manner, models: Models) -> Wish:
    """The wish of a person as it is where offers are shown: what stands there comes before what was done last."""
    shop, wish = known.shop, known.wish
    if there:
        seeds = list(dict.fromkeys([*there, *wish.seeds]))[:SEEDS]
        own = shop.vectors.take(there).sum(axis=0)
        back = [max(0, rank - len(there) + 1) for rank in range(len(seeds))]  # what stands there is of one moment: now
        wish = replace(wish, around=Around(shop, seeds, back), vector=_unit(_unit(own) + _unit(wish.vector)))
    if manner.words and known.texts:
        ((vector, words),) = await models.texts(known.texts[:1])
        said = shop.words.sought(words) or wish.words
        wish = replace(wish, vector=vector if vector.any() else wish.vector, words=said, leaning=known.wish.vector)
    return wish


def _unit(vector: Vector | None) -> Vector:
    """Of unit length; zero stays zero, and so does nothing at all."""
    if vector is None:
        return np.zeros(1, dtype=np.float32)
    length = np.linalg.norm(vector)
    made: Vector = (vector / length if length else vector).astype(np.float32)
    return made
