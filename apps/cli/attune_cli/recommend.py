"""`attune recommend` and `similar`: products for a person, and products like one."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from google.protobuf.message import Message

from attune.needs.v1.needs_pb2 import GetProfileRequest
from attune.recommender.v1 import recommender_pb2 as recommender
from attune.types.v1.types_pb2 import UserRef
from attune_cli import show
from attune_cli.failures import Failure, NothingFound
from attune_cli.options import Category, Count, Json, Language, Tenant, User
from attune_cli.output import print_json, say, table
from attune_cli.services import Services, connected
from attune_embedded.endpoints import UnknownEndpointError

Explain = Annotated[bool, typer.Option("--explain", help="Also why: reasons, behaviours, paths of the graph.")]
Text = Annotated[bool, typer.Option("--with-text", help="Also write a recommendation text and match it to products.")]


def recommend(
    user: User,
    count: Count = 10,
    category: Category = None,
    language: Language = "",
    tenant: Tenant = "",
    explain: Explain = False,
    with_text: Text = False,
    json: Json = False,
) -> None:
    """Recommend products to a person: f(u,p) = sim(r_u, e_p) + λ·rel(p, G), best first, with the terms of each score.

    Example: attune recommend maria -k 5 --explain

    Exits with 3 when there is nothing to offer.
    """
    request = recommender.RecommendRequest(
        user=UserRef(tenant=tenant, user_id=user),
        k=count,
        language=language,
        with_text=with_text,
        filter=recommender.Filter(categories=category or []),
    )
    reply, why, language = asyncio.run(_recommend(request, explain=explain and not json))
    if json:
        print_json(reply)
        return _none(reply.recommendations)
    show.recommendations(reply.recommendations, language, explain=explain)
    if reply.text:
        say(reply.text)
    if why is not None:
        _explain(why)
    show.served(reply.served)
    return _none(reply.recommendations)


def similar(
    product: Annotated[str, typer.Argument(metavar="PRODUCT", help="Id of the product.")],
    count: Count = 10,
    category: Category = None,
    language: Language = "",
    tenant: Tenant = "",
    json: Json = False,
) -> None:
    """Show products like one, most alike first.

    Example: attune similar kettle-steep-temp -k 5
    """
    request = recommender.SimilarRequest(
        tenant=tenant,
        product_id=product,
        k=count,
        language=language,
        filter=recommender.Filter(categories=category or []),
    )
    _print(asyncio.run(_similar(request)), language, json=json)


async def _recommend(
    request: recommender.RecommendRequest, *, explain: bool
) -> tuple[recommender.RecommendResponse, recommender.ExplainResponse | None, str]:
    """The offers, why the first one is there, and the language to show them in."""
    async with connected() as services:
        language = request.language or await _language(services, request.user)
        with services.recommender() as stub:
            reply = await stub.Recommend(request)
            if not explain or not reply.recommendations:
                return reply, None, language
            first = reply.recommendations[0].product.product_id
            wanted = recommender.ExplainRequest(user=request.user, product_id=first, language=request.language)
            return reply, await stub.Explain(wanted), language


async def _language(services: Services, user: UserRef) -> str:
    """That of the person; titles are shown in English while needs is away."""
    try:
        with services.needs() as stub:
            return (await stub.GetProfile(GetProfileRequest(user=user))).profile.language
    except (Failure, UnknownEndpointError):
        return ""


async def _similar(request: recommender.SimilarRequest) -> recommender.SimilarResponse:
    async with connected() as services:
        with services.recommender() as stub:
            return await stub.Similar(request)


def _print(reply: recommender.SimilarResponse, language: str, *, json: bool) -> None:
    if json:
        print_json(reply)
    else:
        show.recommendations(reply.recommendations, language)
        show.served(reply.served)
    _none(reply.recommendations)


def _none(offers: Sequence[Message]) -> None:
    if not offers:
        raise NothingFound("no product fits: is the catalogue loaded? `attune load catalog FILE`, or fewer filters")


def _explain(why: recommender.ExplainResponse) -> None:
    say(f"\nwhy {why.product.product_id}: {why.reason}")
    evidence: list[list[object]] = [
        [each.product_id or each.text, each.similarity, each.weight] for each in why.evidence[:5]
    ]
    if evidence:
        table(["behaviour", "similarity", "counts"], evidence)
    paths: list[list[object]] = [[" → ".join(each.product_ids), ", ".join(each.relations), each.weight]
                                 for each in why.paths[:5]]  # fmt: skip
    if paths:
        table(["path", "by", "adds"], paths)
