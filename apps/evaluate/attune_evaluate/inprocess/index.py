"""An index of products that looks at every one of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from recommender.domain.allowed import Allowed
from recommender.domain.nearest import nearest
from recommender.domain.product import Key
from recommender.domain.shop import Entry, Shop
from recommender.domain.sought import Sought
from recommender.usecases.ports import Found, Indexed, Vector

_ALL = 2**31  # places that a search by words looks at


class BruteForce:
    """A ProductIndex without an engine: exact, and of equal products the one that came first.

    All it needs is read from the shop, which holds it anyway.
    """

    async def serve(self, look: Callable[[str], Shop], tenants: Sequence[str]) -> None:
        """Nothing is kept."""

    async def upsert(self, entries: Sequence[Entry]) -> None:
        """Likewise."""

    async def delete(self, keys: Sequence[Key]) -> None:
        """Likewise."""

    async def nearest(self, shop: Shop, vector: Vector, k: int, allowed: Allowed) -> Found:
        return Found(*nearest(shop, vector, k, allowed))

    async def by_words(self, shop: Shop, words: Sought, k: int, allowed: Allowed) -> Found:
        return Found(*shop.words.best(words, k, lambda places: allowed.fits(shop, places), _ALL))

    async def stored(self) -> list[Indexed]:
        """None: nobody starts anew from here."""
        return []

    async def close(self) -> None:
        """Nothing is held."""
