"""The recommendation text: written, then matched back to products by name and by meaning."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.domain.allowed import Allowed
from recommender.domain.mentions import Mention, by_name, sentences
from recommender.domain.ruling import Ruling
from recommender.domain.score import Scored, Wish
from recommender.domain.shop import Shop
from recommender.usecases.ports import Fallback, Models, ProductIndex, Writer

_NEAR = 0.5  # cosine from which a sentence speaks of a product: two unrelated texts reach .1 to .2
_PER_SENTENCE = 2
_LIKELY = 60  # products whose names are looked for in a sentence
_ANY = Allowed(out_of_stock=True)


@dataclass(frozen=True, slots=True)
class TextOffers:
    """A text and the products it speaks of."""

    text: str = ""
    mentions: Sequence[Mention] = ()
    by: Sequence[str] = ()
    fallbacks: Sequence[Fallback] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """What a text may speak of."""

    allowed: Allowed
    ruling: Ruling

    def permit(self, place: int) -> bool:
        """Whether no rule forbids the product of a place."""
        return not self.ruling or bool(self.ruling.permits(np.array([place]))[0])


class TextSource:
    """Asks for a text and reads it."""

    def __init__(self, writer: Writer, index: ProductIndex, models: Models) -> None:
        self._writer, self._index, self._models = writer, index, models

    async def __call__(
        self, shop: Shop, wish: Wish, first: Sequence[Scored], said: Sequence[str], language: str, limits: Limits
    ) -> TextOffers:
        """`first`: the best offers so far; `said`: what the person said, newest first.

        A text that names what a rule forbids is not told.
        """
        facts = _facts(shop, [seed for seed in wish.seeds if limits.permit(seed)], first, said, language)
        if not facts:
            return TextOffers(fallbacks=[Fallback("generator", "nothing", "there is no product to write about")])
        written = await self._writer.write(facts, language, seed=zlib.crc32(repr(sorted(facts.items())).encode()))
        if isinstance(written, Fallback):
            return TextOffers(fallbacks=[written])
        fallbacks = [written.fallback] if written.fallback else []
        mentions = await self._read(shop, written.text, limits.allowed)
        named = next((m for m in mentions if m.by == "name" and not limits.permit(m.place)), None)
        if named is not None:
            why = f"the text names {named.words!r}, which a rule of the shop leaves out"
            return TextOffers(fallbacks=[*fallbacks, Fallback("generator", "nothing", why)])
        mentions = [m for m in mentions if m.place not in wish.seeds and limits.permit(m.place)]
        return TextOffers(written.text, mentions, [written.engine], fallbacks)

    async def _read(self, shop: Shop, text: str, allowed: Allowed) -> list[Mention]:
        parts = sentences(text)
        read = await self._models.texts(parts)
        found = by_name(text, await self._names(shop, [words for _, words in read]))
        named = {mention.place for mention in found}
        for part, (vector, _) in zip(parts, read, strict=True):
            if not vector.any():
                continue
            near = await self._index.nearest(shop, vector, _PER_SENTENCE, allowed)
            for place, score in zip(near.places.tolist(), near.scores.tolist(), strict=True):
                if score < _NEAR or place in named:
                    continue
                if allowed.fits(shop, np.array([place]))[0]:
                    named.add(place)
                    found.append(Mention(place, "meaning", min(1.0, score), part))
        return found

    async def _names(self, shop: Shop, said: Sequence[Mapping[int, float]]) -> dict[int, list[str]]:
        """The names of the products that share most words with one of the sentences: nobody reads a whole shop."""
        places: dict[int, None] = {}
        for words in said:
            likely = await self._index.by_words(shop, shop.words.sought(words), _LIKELY, _ANY)
            places |= dict.fromkeys(likely.places.tolist())
        return {place: [*shop.at(place).title.values()] for place in places if shop.has(place)}


def _facts(
    shop: Shop, seeds: Sequence[int], first: Sequence[Scored], said: Sequence[str], language: str
) -> dict[str, str]:
    """All a text may state; `seeds`: what of the person's last products it may name."""
    if not first:
        return {}
    products = [shop.at(scored.place) for scored in first]
    facts = {"first": products[0].name(language), "category": products[0].kind(language), "brand": products[0].brand}
    facts |= {"second": products[1].name(language)} if len(products) > 1 else {}
    recent = next((seed for seed in seeds if shop.has(seed)), None)
    facts |= {"recent": shop.at(recent).name(language)} if recent is not None else {}
    facts |= {"said": said[0]} if said else {}
    return {name: text for name, text in facts.items() if text}
