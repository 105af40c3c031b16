"""Why, in one sentence, for the person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from recommender.domain.around import Around, Step
from recommender.domain.score import Scored
from recommender.domain.shop import Shop

_WORDING = {
    "en": {
        "transition": "People who looked at “{other}” went on to this",
        "co_occurrence": "Often chosen together with “{other}”",
        "link": "Goes with “{other}”",
        "variant_of": "A variant of “{other}”",
        "replaces": "Takes the place of “{other}”",
        "same_category": "More like “{other}”",
        "same_brand": "From {brand}, as is “{other}”",
        "same_attributes": "Has much in common with “{other}”",
        "sim.dense": "Close to what you are looking for",
        "sim.recent": "Similar to “{other}”",
        "sim.words": "Matches {words}",
        "sim.named": "Just what you named",
        "sim.need": "Close to what you have been looking at",
        "text": "Named in the recommendation written for you",
        "trend": "Popular right now",
        "nothing": "From our range",
    },
    "zh": {
        "transition": "看过“{other}”的顾客接着看了这款",
        "co_occurrence": "常与“{other}”一起选购",
        "link": "与“{other}”搭配使用",
        "variant_of": "“{other}”的另一款式",
        "replaces": "可替代“{other}”",
        "same_category": "与“{other}”同类",
        "same_brand": "与“{other}”同为{brand}品牌",
        "same_attributes": "与“{other}”有许多共同点",
        "sim.dense": "符合您正在寻找的商品",
        "sim.recent": "与“{other}”相似",
        "sim.words": "符合{words}",
        "sim.named": "正是您所指的商品",
        "sim.need": "与您最近关注的商品相近",
        "text": "为您撰写的推荐中提到了它",
        "trend": "近期热门",
        "nothing": "本店商品",
    },
}


class Basis(NamedTuple):
    """What reasons may speak of."""

    around: Around | None  # the person's last products, and the edges that leave them
    recent: Sequence[int]  # those of them that count as similar, newest first
    words: Sequence[str]  # the words it was asked with
    asked: Mapping[int, float] | None = None  # the 32-bit names of the words in them; None: nothing else was asked


def reason(shop: Shop, scored: Scored, basis: Basis, language: str) -> str:
    """The strongest term in words; Chinese for Chinese readers, English for all others."""
    wording = _WORDING["zh" if language.partition("-")[0].lower() == "zh" else "en"]
    other: int | None
    for term in _speaking(scored):
        name, other = term, None
        if term.startswith("rel."):
            step = _step(basis.around, term, scored.place)
            if step is None:
                continue
            name, other = step.kind if step.kind in wording else "link", step.source
        elif name not in wording:  # a rule is the shop's reason, not the person's
            continue
        elif "{other}" in wording[name]:
            other = _nearest(shop, basis.recent, scored.place)
        if "{other}" in wording[name] and (other is None or not shop.has(other)):
            continue
        if "{words}" in wording[name] and not _answers(shop, basis, scored.place):
            name = "sim.dense"
        title = "" if other is None or not shop.has(other) else shop.at(other).name(language)
        return wording[name].format(
            other=title, brand=shop.brand(scored.place), words=_quoted(basis.words, wording is _WORDING["zh"])
        )
    return wording["nothing"]


def _speaking(scored: Scored) -> list[str]:
    """The names of the terms that speak for it, the one that says most first."""
    says = [(value * weight, name) for name, value, weight in scored.terms if value * weight > 0]
    return [name for _, name in sorted(says, key=itemgetter(0), reverse=True)]


def _answers(shop: Shop, basis: Basis, place: int) -> bool:
    """Whether it has any of the words: a need has those of the last products too."""
    if basis.asked is None or not basis.words:
        return bool(basis.words)
    return bool(shop.words.match(basis.asked, [place]).scores[0] > 0)


def _step(around: Around | None, term: str, place: int) -> Step | None:
    """The strongest edge behind a term of rel."""
    if around is None:
        return None
    if term == "rel.attributes":
        return next(iter(around.likenesses(place)), None)
    return next(iter(around.edges_to(place, term.removeprefix("rel."))), None)


def _nearest(shop: Shop, places: Sequence[int], place: int) -> int | None:
    """The one of the places whose product is most like that of another place."""
    there = [each for each in places if shop.has(each)]
    return there[int(np.argmax(shop.vectors.cosines(there, shop.vectors.at(place))))] if there else None


def _quoted(words: Sequence[str], chinese: bool) -> str:  # noqa: FBT001 - private
    return ("、" if chinese else ", ").join(f"“{word}”" for word in words[:3])
