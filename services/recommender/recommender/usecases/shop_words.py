"""What a shop knows of the words that are typed into it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from recommender.domain.product import naming
from recommender.domain.reading.names import Named
from recommender.domain.reading.without import holds
from recommender.domain.shop import Shop
from recommender.usecases.ports import Models


class ShopWords:
    """Reads with the shop's own names, and with the language's words where the shop has none."""

    def __init__(self, shop: Shop, models: Models) -> None:
        self._shop, self._models = shop, models

    @property
    def currencies(self) -> Sequence[str]:
        """Those it sells in, most used first."""
        return self._shop.facts.sold_in()

    def names(self, text: str) -> Sequence[Named]:
        """Brands and categories that words name."""
        return self._shop.names.find(text)

    def is_property(self, word: str) -> bool:
        """Whether some product has it as an attribute, in either language."""
        spoken = self._shop.traits.speaks_of
        return spoken(word) or any(spoken(other) for other in self._others(word))

    def correct(self, word: str) -> str:
        """The shop's word that a mistyped one stands for; empty for one that is known, and where there is none."""
        if self._models.is_common(word) or self.count(word):
            return ""
        return self._shop.spelling.nearest(word, self.count)

    def count(self, words: str) -> float:
        """How many products have all of some words at most."""
        return min((self._shop.words.count(word) for word in self._models.named(words)), default=0.0)

    def having(self, places: Sequence[int], words: Iterable[str]) -> set[int]:
        """Which of the places are named as having any of some things, in either language."""
        found: set[int] = set()
        for word in words:
            called = [word, *self._others(word)]
            asked = dict.fromkeys((name for each in called for name in self._models.named(each)), 1.0)
            some = np.flatnonzero(self._shop.words.match(asked, places).scores)
            for row in some.tolist():
                names = naming(self._shop.at(places[row])).casefold()
                if any(holds(names, each) for each in called):
                    found.add(places[row])
        return found

    def _others(self, word: str) -> list[str]:
        """What all of it is called in the other language."""
        found = self._models.translations(word)
        whole = len(found) == 1 and set(found[0].source) == set(self._models.named(word))
        return [*found[0].alternatives] if whole else []
