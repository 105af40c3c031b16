"""Products for words or a vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import NamedTuple

import numpy as np

from recommender.domain.allowed import Allowed
from recommender.domain.arrange import arrange, capped
from recommender.domain.context import Context
from recommender.domain.errors import ForeignSpace, UnusableVector
from recommender.domain.facets import Facet, facets
from recommender.domain.intent import Intent, intent, unspoken
from recommender.domain.reading import Reading, read, verbatim
from recommender.domain.reasons import Basis
from recommender.domain.relevance import Query, relevance
from recommender.domain.ruling import Ruling
from recommender.domain.score import Scored, Scores
from recommender.domain.shop import Shop
from recommender.domain.shortage import nothing_passes
from recommender.usecases.candidates import Proposed
from recommender.usecases.decisions import NOBODY, Decisions
from recommender.usecases.find import Find
from recommender.usecases.offer import Asked, Offers, offers
from recommender.usecases.ports import Fallback, Models, ProductIndex, Vector
from recommender.usecases.relations import Person
from recommender.usecases.shop_words import ShopWords
from recommender.usecases.understand import Understand
from recommender.usecases.world import World

# Products looked at by meaning and as many by words. Later pages look at more; what they add comes after what was there
# before, so that a page never takes up what an earlier one has shown.
_LOOKS = (100, 400, 1_200)
_NOWHERE = np.zeros(0, dtype=np.int64)


class Manner(NamedTuple):
    """How a search is made."""

    verbatim: bool = False  # read nothing out of the words
    offset: int = 0  # of the best to pass over
    facets: bool = False


@dataclass(frozen=True, slots=True)
class Page(Offers):
    """One page of what was found."""

    reading: Reading = field(default_factory=lambda: verbatim(""))
    read: Allowed = field(default_factory=Allowed)  # the conditions among it
    facets: Sequence[Facet] = ()
    found: int = 0  # before it was cut to the page


class _Ranked(NamedTuple):
    """Places, best first, with where their scores stand and what each was found by; addends are spelt out when told."""

    places: Mapping[int, tuple[Scores, int]]
    proposed: Proposed

    def told(self, offset: int, k: int) -> list[Scored]:
        """One page."""
        return [scores.at(row) for scores, row in islice(self.places.values(), offset, offset + k)]


class Search:
    """Products for words or a vector; with a person, nearer to that person's need."""

    def __init__(
        self, world: World, understand: Understand, index: ProductIndex, models: Models, decisions: Decisions
    ) -> None:
        self._world, self._understand, self._find, self._models = world, understand, Find(index), models
        self._decisions = decisions

    async def by_text(self, tenant: str, user: str, text: str, asked: Asked, manner: Manner | None = None) -> Page:
        """What fits the words or their meaning, within what the words and the filter allow."""
        shop, manner = self._world.look(tenant), manner or Manner()
        words = ShopWords(shop, self._models)
        reading = verbatim(text) if manner.verbatim else read(text, words)
        asked = self._now(replace(asked, language=asked.language or self._told(text)))
        meant = intent(shop, reading, asked.allowed, words.count)
        query = replace(await self._query(shop, reading.text), named=meant.named)
        return await self._search(shop, user, query, asked, manner, _Read(reading, meant, words))

    async def by_vector(
        self, tenant: str, user: str, vector: Vector, space: str, asked: Asked, manner: Manner | None = None
    ) -> Page:
        """Raises ForeignSpace and UnusableVector."""
        if space != self._models.space:
            raise ForeignSpace(given=space, ours=self._models.space)
        if len(vector) != self._models.dim:
            raise UnusableVector(value=f"{len(vector)} values", remedy=f"send {self._models.dim} values")
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or not length:
            raise UnusableVector(value=f"length {length}", remedy="send finite values that are not all 0")
        shop = self._world.look(tenant)
        asked = self._now(asked)
        meant = Intent(asked.allowed, Allowed(), asked.allowed, ())
        read = _Read(verbatim(""), meant, ShopWords(shop, self._models))
        query = Query(vector=vector / np.float32(length))
        return await self._search(shop, user, query, asked, manner or Manner(), read)

    def _now(self, asked: Asked) -> Asked:
        return replace(asked, allowed=replace(asked.allowed, now=self._decisions.now()))

    def _told(self, text: str) -> str:
        """The language of words; empty for a number, which is of none."""
        language = self._models.language(text)
        return "" if language == "und" else language

    async def _query(self, shop: Shop, text: str) -> Query:
        if not text.strip():
            return Query(anything=True)
        ((vector, words),) = await self._models.texts([text])
        known = vector if vector.any() else None
        asked = self._bilingual(shop, text, words)
        added = sum(weight for word, weight in asked.items() if word not in words)
        return Query(
            vector=known,
            words=asked,
            borrowed=added / sum(asked.values()) if asked else 0.0,
            phrased=self._models.joining(text),
        )

    def _bilingual(self, shop: Shop, text: str, words: Mapping[int, float]) -> Mapping[int, float]:
        """The words, and what they are called in the other language where products have that.

        A phrase that no product has gives way to its translation, or it would count as missing from every product.
        """
        asked = dict(words)
        for source, target, _ in self._models.translations(text):
            there = {word: weight for word, weight in target.items() if shop.words.count(word)}
            if not there:
                continue
            if not any(shop.words.count(word) for word in source):
                for word in source:
                    asked.pop(word, None)
            for word, weight in there.items():
                asked[word] = max(weight, asked.get(word, 0.0))
        return asked

    async def _search(self, shop: Shop, user: str, query: Query, asked: Asked, manner: Manner, read: _Read) -> Page:
        by, stale = [self._models.space, "words"], False
        fallbacks: Sequence[Fallback] = ()
        customer, language = NOBODY, asked.language
        if user:
            known = await self._understand.leaning(Person(shop.tenant, user))
            by += known.by
            fallbacks, stale = known.fallbacks, known.stale
            language = language or known.language
            customer = known.customer._replace(language=language or "en")
            query = replace(query, leaning=known.wish.vector)
        ruling = self._decisions.ruling(shop, Context.SEARCH_RESULTS, customer)
        ranked, told, why = await self._within(shop, query, asked.k, manner.offset, read, ruling)
        page = capped(shop, ranked.told(manner.offset, asked.k), ruling)
        said = Basis(None, (), [read.reading.text] if read.reading.text else [])
        language = language or "en"
        return Page(
            offers(shop, page, ranked.proposed, said, language, ruling),
            by,
            fallbacks,
            stale,
            shortage="" if ranked.places else why or _shortage(shop, read.intent, ruling),
            reading=read.reading,
            read=told,
            facets=facets(shop, list(ranked.places), language) if manner.facets else (),
            found=len(ranked.places),
        )

    async def _within(
        self, shop: Shop, query: Query, k: int, offset: int, read: _Read, ruling: Ruling
    ) -> tuple[_Ranked, Allowed, str]:
        """What was found, the conditions of the words that it keeps, and for want of which quantity it is nothing."""
        meant, told = read.intent, read.intent.read
        if meant.contradiction:
            return _Ranked({}, Proposed(_NOWHERE, {})), told, ""
        ranked = await self._rank(shop, query, k, offset, read, ruling, meant.allowed)
        if not ranked.places and meant.allowed != meant.relaxed:
            # Nothing is all that the words name: it orders what is left, and numbers hold as before.
            ranked = await self._rank(shop, query, k, offset, read, ruling, meant.relaxed)
            told = replace(told, brands=frozenset(), categories=frozenset())
        if ranked.places or not meant.relaxed.stated:
            return ranked, told, ""
        # Nothing states the quantities: perhaps they are not of what is sought, as in `boots for 3 hours on foot`.
        ranked = await self._rank(shop, query, k, offset, read, ruling, replace(meant.relaxed, stated=()))
        kept = unspoken(shop, [*ranked.places], meant.relaxed.stated)
        if ranked.places and not kept:
            said = " and ".join(each.said for each in meant.relaxed.stated)
            return ranked._replace(places={}), told, f"nothing that was found is {said}"
        left = {place: ranked.places[place] for place in kept}
        return ranked._replace(places=left), replace(told, traits=()), ""

    async def _rank(
        self, shop: Shop, query: Query, k: int, offset: int, read: _Read, ruling: Ruling, allowed: Allowed
    ) -> _Ranked:
        """All that was found, best first, as far as the page needs it."""
        chosen: dict[int, tuple[Scores, int]] = {}
        covered: float | None = None
        proposed = Proposed(_NOWHERE, {})
        for size in _LOOKS:
            proposed = await self._find(shop, query, allowed, size, ruling)
            chosen = _standing(shop, chosen, allowed, ruling)
            new = [place for place in proposed.places.tolist() if place not in chosen]
            unwanted = read.words.having(new, read.reading.without)
            made = relevance(shop, query, [place for place in new if place not in unwanted], ruling, covered)
            covered = made.covered
            places = made.scores.places.tolist()
            for row in _ordered(shop, made.scores, k, offset + k - len(chosen), ruling):
                chosen[places[row]] = (made.scores, row)
            if len(chosen) >= offset + k or len(proposed.places) < size:
                break
        return _Ranked(chosen, proposed)


def _standing(
    shop: Shop, chosen: dict[int, tuple[Scores, int]], allowed: Allowed, ruling: Ruling
) -> dict[int, tuple[Scores, int]]:
    """Without products that changed or went since they were found."""
    if not chosen:
        return chosen
    places = np.array(list(chosen), dtype=np.int64)
    fine = allowed.fits(shop, places) & ruling.permits(places)
    return {place: chosen[place] for place in places[fine].tolist()}


def _ordered(shop: Shop, scores: Scores, k: int, most: int, ruling: Ruling) -> list[int]:
    """Rows, best first; the first `most` of them as rules will have them, page by page of k, those they bury last."""
    if not ruling:
        best: list[int] = np.argsort(-scores.totals, kind="stable").tolist()
        return best
    first: dict[int, None] = {}
    while len(first) < most:
        page = arrange(shop, scores, k, ruling, diverse=False, without=first)
        first |= dict.fromkeys(page)
        if len(page) < k:
            break
    buried = ruling.buried(scores.places)
    return list(dict.fromkeys([*first, *np.lexsort((-scores.totals, buried)).tolist()]))


class _Read(NamedTuple):
    """What a search was read to mean."""

    reading: Reading
    intent: Intent
    words: ShopWords


def _shortage(shop: Shop, meant: Intent, ruling: Ruling) -> str:
    """Why nothing was found."""
    unmeasured = replace(meant.relaxed, stated=())  # what lacks the quantities alone was found, and said so
    if why := meant.contradiction or nothing_passes(shop, unmeasured):
        return why
    passing = unmeasured.everywhere(shop)
    if ruling and not ruling.permits(passing).any():
        return "; ".join(f"rule {rule.rule_id!r} leaves out {n} products" for rule, n in ruling.forbidding(passing))
    return "nothing fits the words"
