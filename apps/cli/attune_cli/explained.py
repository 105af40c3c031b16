"""Why a product is offered, as somebody who shops would say it, with the figures beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attune.recommender.v1 import recommender_pb2 as recommender
from attune_cli.output import say
from attune_cli.show import in_language

Names = Mapping[str, str]  # product id → title
_MOST = 5  # ways, and as many behaviours: what lies further down says little
_WORDS = {  # how a step of the graph reads, on its way back from the product to what the person did
    "en": {
        "transition": "often looked at after {other}",
        "co_occurrence": "often chosen together with {other}",
        "goes_with": "goes with {other}",
        "accessory_of": "an accessory of {other}",
        "variant_of": "a variant of {other}",
        "replaces": "in place of {other}",
        "same_category": "of the same kind as {other}",
        "same_brand": "of the same brand as {other}",
        "same_attributes": "has much in common with {other}",
        "link": "{kind} {other}",
        "met": ", which you looked at",
        "met.wanted": ", which you chose",
        "met.bought": ", which you bought",
        "met.there": ", which is there already",
        "joined": ", which is ",
        "said": "you said “{text}”",
        "did": "you looked at {other}",
        "did.wanted": "you chose {other}",
        "did.bought": "you bought {other}",
        "did.refused": "you did not want {other}",
        "counts": "{what}: {similarity:.0%} alike, weight {weight:.2f}",
        "rule": "the shop's rule {rule} ({effect}){reason}",
        "excluded": "it would be left out: {why}",
        "colon": ": ",
    },
    "zh": {
        "transition": "常在浏览{other}之后被查看",
        "co_occurrence": "常与{other}一起选购",
        "goes_with": "与{other}搭配",
        "accessory_of": "{other}的配件",
        "variant_of": "{other}的另一款式",
        "replaces": "可替代{other}",
        "same_category": "与{other}同类",
        "same_brand": "与{other}同品牌",
        "same_attributes": "与{other}有许多共同点",
        "link": "{kind} {other}",
        "met": "（您看过）",
        "met.wanted": "（您选过）",
        "met.bought": "（您买过）",
        "met.there": "（已在其中）",
        "joined": "，它",
        "said": "您说过“{text}”",
        "did": "您看过{other}",
        "did.wanted": "您选过{other}",
        "did.bought": "您买过{other}",
        "did.refused": "您不想要{other}",
        "counts": "{what}：相似度{similarity:.0%}，权重{weight:.2f}",
        "rule": "本店规则 {rule}（{effect}）{reason}",
        "excluded": "不会推荐：{why}",
        "colon": "：",
    },
}


def asked_for(why: recommender.ExplainResponse) -> list[str]:
    """The products whose names an explanation needs."""
    ways = (product for path in why.paths[:_MOST] for product in path.product_ids)
    return list(dict.fromkeys([*ways, *(each.product_id for each in why.evidence[:_MOST] if each.product_id)]))


def tell(why: recommender.ExplainResponse, names: Names, language: str) -> None:
    """Print an explanation; Chinese for Chinese readers, English for all others."""
    words = _WORDS["zh" if language.partition("-")[0].lower() == "zh" else "en"]
    say(f"\n{in_language(why.product.title, language)}{words['colon']}{why.reason}")
    for line in _lines(why, names, words):
        say(f"  {line}")


def _lines(why: recommender.ExplainResponse, names: Names, words: Names) -> Iterator[str]:
    for path in why.paths[:_MOST]:
        yield f"{path.weight:+.3f}  {_way(path, names, words)}"
    for each in why.evidence[:_MOST]:
        did = _of("did", each.did, words).format(other=_named(each.product_id, names))
        what = words["said"].format(text=each.text) if each.text else did
        yield words["counts"].format(what=what, similarity=each.similarity, weight=each.weight)
    for rule in why.rules:
        reason = f"{words['colon']}{rule.reason}" if rule.reason else ""
        yield words["rule"].format(rule=rule.rule_id, effect=rule.effect, reason=reason)
    if why.excluded:
        yield words["excluded"].format(why=why.excluded)


def _way(path: recommender.Path, names: Names, words: Names) -> str:
    """`often chosen together with X, which you looked at`: the steps from the product back to the person's own."""
    steps = [
        words[kind if kind in words else "link"].format(kind=kind.replace("_", " "), other=_named(product, names))
        for kind, product in zip(reversed(path.relations), reversed(path.product_ids[:-1]), strict=False)
    ]
    return words["joined"].join(steps) + _of("met", path.did, words)


def _of(phrase: str, did: str, words: Names) -> str:
    """How it is said of what was done; of what is not known it is said that it was looked at."""
    return words.get(f"{phrase}.{did}", words[phrase])


def _named(product_id: str, names: Names) -> str:
    return f"“{names[product_id]}”" if names.get(product_id) else product_id
