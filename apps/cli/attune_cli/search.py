"""`attune search`: products for words."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Annotated

import typer

from attune.recommender.v1 import recommender_pb2 as recommender
from attune.types.v1.types_pb2 import AttributeMatch, Money
from attune_cli import show
from attune_cli.failures import BadInput, NothingFound
from attune_cli.options import Category, Count, Json, Language, Tenant
from attune_cli.output import print_json, say, table
from attune_cli.services import connected

_HAN = re.compile("[\u4e00-\u9fff]")  # words with one of these are shown titles in Chinese
_PRICE = re.compile(r"(\d{1,12}(?:\.\d{1,4})?)\s*([A-Za-z]{3})")
Price = Annotated[str, typer.Option(metavar="AMOUNT", help="Such as `50EUR`.")]


def search(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The words, in English or Chinese.")],
    user: Annotated[str, typer.Option("--user", help="Nearer to this person's need.")] = "",
    count: Count = 10,
    offset: Annotated[int, typer.Option("--offset", min=0, max=1000, help="Pass over so many of the best.")] = 0,
    category: Category = None,
    brand: Annotated[list[str] | None, typer.Option("--brand", help="Only of this brand; again for more.")] = None,
    max_price: Price = "",
    min_price: Price = "",
    attribute: Annotated[
        list[str] | None,
        typer.Option("--attribute", metavar="NAME=VALUE", help="Only with this property, in any language."),
    ] = None,
    facets: Annotated[bool, typer.Option("--facets", help="Also count what was found by what it is.")] = False,
    verbatim: Annotated[bool, typer.Option("--verbatim", help="Read nothing out of the words.")] = False,
    language: Language = "",
    tenant: Tenant = "",
    json: Json = False,
) -> None:
    """Find products by words, in any language of the shop; with a person, nearer to that person's need.

    Words may state prices, brands, sizes and what must not be; slips of the keys are mended. What was read is told.

    Example: attune search "ketle under 50"

    Example: attune search "不要塑料的水壶" --max-price 40EUR --facets

    Example: attune search tent --brand Tarnholm --attribute persons=2

    Exits with 3 when nothing is found.
    """
    request = recommender.SearchRequest(
        tenant=tenant,
        user_id=user,
        text=text,
        k=count,
        offset=offset,
        language=language,
        verbatim=verbatim,
        with_facets=facets,
        filter=recommender.Filter(
            categories=category or [],
            brands=brand or [],
            max_price=_money("--max-price", max_price),
            min_price=_money("--min-price", min_price),
            attributes=_attributes(attribute or []),
        ),
    )
    reply = asyncio.run(_search(request))
    if json:
        print_json(reply)
    else:
        _show(reply, language or ("zh" if _HAN.search(text) else "en"), offset)
    if not reply.recommendations:
        raise NothingFound(reply.shortage or "this page is beyond what was found: give a smaller --offset")


async def _search(request: recommender.SearchRequest) -> recommender.SearchResponse:
    async with connected() as services:
        with services.recommender() as stub:
            return await stub.Search(request)


def _show(reply: recommender.SearchResponse, language: str, offset: int) -> None:
    for line in told(reply.reading):
        say(line)
    show.recommendations(reply.recommendations, language)
    if reply.recommendations:
        say(f"{offset + 1} to {offset + len(reply.recommendations)} of {reply.found} found")
    for facet in reply.facets:
        rows: list[list[object]] = [[value.label, value.count, value.value] for value in facet.values]
        table([facet.name, "products", "to filter by"], rows)
    show.served(reply.served)


def told(reading: recommender.QueryReading) -> list[str]:
    """What was read out of the words, a line each; nothing where they were taken as they are."""
    asked = reading.filter
    limits = [
        f"{word} {limit.amount} {limit.currency}"
        for word, limit in (("at least", asked.min_price), ("at most", asked.max_price))
        if limit.currency
    ]
    lines = [f"{typed} → {corrected}" for typed, corrected in zip(reading.typed, reading.corrected, strict=True)]
    lines += [f"price: {', '.join(limits)}"] if limits else []
    lines += [f"brand: {', '.join(asked.brands)}"] if asked.brands else []
    lines += [f"category: {', '.join(asked.categories)}"] if asked.categories else []
    lines += [f"{match.name}: {' or '.join(match.values)}" for match in asked.attributes]
    lines += [f"without: {', '.join(reading.without)}"] if reading.without else []
    return lines


def _money(option: str, text: str) -> Money | None:
    if not text:
        return None
    match = _PRICE.fullmatch(text.strip())
    if match is None:
        raise BadInput(f"{option}: write an amount and its currency, such as 50EUR (given: {text!r})")
    return Money(amount=match[1], currency=match[2].upper())


def _attributes(given: Sequence[str]) -> list[AttributeMatch]:
    """Several values of one name are alternatives."""
    found: dict[str, list[str]] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not name or not equals:
            raise BadInput(f"--attribute: write NAME=VALUE, such as color=red (given: {each!r})")
        found.setdefault(name, []).extend([value] if value else [])
    return [AttributeMatch(name=name, values=values) for name, values in found.items()]
