"""Replies of the services as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attune.recommender.v1 import recommender_pb2 as recommender
from attune.types.v1 import types_pb2 as types
from attune_cli.output import remark, table

_SMALLEST = 0.0005  # would be shown as 0.000


def score(value: types.Score) -> str:
    """The addends that are not 0, in the order of the formula."""
    parts = [f"{term.name} {term.contribution:+.3f}" for term in value.terms if abs(term.contribution) >= _SMALLEST]
    return "  ".join(parts)


def served(value: types.Served) -> None:
    """Who made a reply, and what was replaced."""
    remark(f"served by {', '.join(value.by) or 'the service'}{'; stale' if value.stale else ''}")
    for each in value.fallbacks:
        remark(f"instead of {each.component}: {each.used} ({each.reason})")


def recommendations(
    offers: Sequence[recommender.Recommendation], language: str, *, title: str = "", explain: bool = False
) -> None:
    """Offers with their price and score; with `explain` also the terms, the sources and the reason."""
    columns = ["#", "product", "title", "price", "score"]
    ruled = any(offer.rules for offer in offers)
    related = any(offer.relation for offer in offers)
    extra = [*(["relation"] if related else []), "terms", *(["rules"] if ruled else [])]
    extra += ["sources", "reason"] if explain else []
    rows = []
    for number, offer in enumerate(offers, 1):
        product = offer.product
        price = money(product.price) if product.HasField("price") else ""
        row: list[object] = [number, product.product_id, in_language(product.title, language), price, offer.score.value]
        row += [offer.relation] if related else []
        row.append(score(offer.score))
        row += [", ".join(f"{rule.effect} ({rule.rule_id})" for rule in offer.rules)] if ruled else []
        rows.append([*row, ", ".join(offer.sources), offer.reason] if explain else row)
    table(columns + extra, rows, title=title)


def in_language(texts: Mapping[str, str], language: str) -> str:
    """The text in the language wanted, else English, else any."""
    wanted = (language, language.split("-", maxsplit=1)[0], "en", *texts)
    return str(next((texts[name] for name in wanted if name in texts), ""))


def money(value: types.Money) -> str:
    return f"{value.amount} {value.currency}"
