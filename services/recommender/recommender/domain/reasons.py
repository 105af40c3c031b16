"""Why, in one sentence, for the person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from recommender.domain.around import Step
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
        "text": "为您撰写的推荐中提到了它",
        "trend": "近期热门",
        "nothing": "本店商品",
    },
}


class Basis(NamedTuple):
    """What a reason may speak of."""

    steps: Sequence[Step]  # edges to the product, strongest first
    nearest: int | None  # the person's product that is most like it
    words: Sequence[str]  # the words it was asked with


def reason(shop: Shop, scored: Scored, basis: Basis, language: str) -> str:
    """The strongest term in words; Chinese for Chinese readers, English for all others."""
    wording = _WORDING["zh" if language.partition("-")[0].lower() == "zh" else "en"]
    product = shop.at(scored.place)
    for term in sorted(scored.terms, key=lambda t: -t.contribution):
        if term.contribution <= 0:
            break
        name, other = term.name, basis.nearest
        if name.startswith("rel."):
            step = next((s for s in basis.steps if _term_of(s.kind) == name), None)
            if step is None:
                continue
            name, other = step.kind if step.kind in wording else "link", step.source
        if "{other}" in wording[name] and (other is None or shop.entries[other] is None):
            continue
        if "{words}" in wording[name] and not basis.words:
            name = "sim.dense"
        title = "" if other is None or shop.entries[other] is None else shop.at(other).name(language)
        return wording[name].format(
            other=title, brand=product.brand, words=_quoted(basis.words, wording is _WORDING["zh"])
        )
    return wording["nothing"]


def _term_of(kind: str) -> str:
    if kind in {"transition", "co_occurrence"}:
        return f"rel.{kind}"
    return "rel.attributes" if kind.startswith("same_") else "rel.catalog"


def _quoted(words: Sequence[str], chinese: bool) -> str:  # noqa: FBT001 - private
    return ("、" if chinese else ", ").join(f"“{word}”" for word in words[:3])
