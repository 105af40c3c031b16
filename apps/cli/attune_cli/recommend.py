"""`attune recommend` and `similar`: products for a person, and products like one."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Literal

import typer
from google.protobuf.message import Message

from attune.needs.v1.needs_pb2 import GetProfileRequest
from attune.recommender.v1 import recommender_pb2 as recommender
from attune.types.v1.context_pb2 import Context
from attune.types.v1.types_pb2 import UserRef
from attune_cli import explained, show
from attune_cli.failures import Failure, NothingFound
from attune_cli.options import Category, Count, Json, Language, Tenant, User
from attune_cli.output import print_json, remark, say
from attune_cli.services import Services, connected
from attune_embedded.endpoints import UnknownEndpointError

Explain = Annotated[bool, typer.Option("--explain", help="Also why: reasons, behaviours, paths of the graph.")]
CONTEXTS = {name.removeprefix("CONTEXT_").lower(): number for name, number in Context.items() if number}
KINDS = {
    "both": recommender.SIMILAR_KIND_UNSPECIFIED,
    "substitutes": recommender.SIMILAR_KIND_SUBSTITUTES,
    "complements": recommender.SIMILAR_KIND_COMPLEMENTS,
}
Where = Annotated[
    Literal["home", "product_page", "cart", "after_purchase", "search_results", "email"],
    typer.Option("--context", help="Where the offers are shown."),
]
Standing = Annotated[
    list[str] | None,
    typer.Option("--context-product", help="What stands there: of the page, in the cart; may be repeated."),
]
Kind = Annotated[Literal["both", "substitutes", "complements"], typer.Option("--kind", help="Which ones.")]
Text = Annotated[bool, typer.Option("--with-text", help="Also write a recommendation text and match it to products.")]


def recommend(
    user: User,
    count: Count = 10,
    category: Category = None,
    language: Language = "",
    tenant: Tenant = "",
    context: Where = "home",
    context_product: Standing = None,
    explain: Explain = False,
    with_text: Text = False,
    json: Json = False,
) -> None:
    """Recommend products to a person: f(u,p) = sim(r_u, e_p) + λ·rel(p, G), best first, with the terms of each score.

    Example: attune recommend maria -k 5 --explain

    Beside a cart: attune recommend maria --context cart --context-product kettle-steep-temp

    Exits with 3 when there is nothing to offer.
    """
    request = recommender.RecommendRequest(
        user=UserRef(tenant=tenant, user_id=user),
        k=count,
        language=language,
        with_text=with_text,
        context=CONTEXTS[context],
        context_products=context_product or [],
        filter=recommender.Filter(categories=category or []),
    )
    reply, why, names, language = asyncio.run(_recommend(request, explain=explain and not json))
    if json:
        print_json(reply)
        return _none(reply.recommendations, reply.shortage)
    show.recommendations(reply.recommendations, language, explain=explain)
    if reply.text:
        say(reply.text)
    if why is not None:
        explained.tell(why, names, language)
    show.served(reply.served)
    return _none(reply.recommendations, reply.shortage)


def similar(
    product: Annotated[str, typer.Argument(metavar="PRODUCT", help="Id of the product.")],
    count: Count = 10,
    category: Category = None,
    language: Language = "",
    tenant: Tenant = "",
    kind: Kind = "both",
    json: Json = False,
) -> None:
    """Show products like one, most alike first: what could be bought in its place, and what with it.

    Example: attune similar kettle-steep-temp -k 5

    What goes with it: attune similar kettle-steep-temp --kind complements
    """
    request = recommender.SimilarRequest(
        tenant=tenant,
        product_id=product,
        k=count,
        language=language,
        kind=KINDS[kind],
        filter=recommender.Filter(categories=category or []),
    )
    _print(asyncio.run(_similar(request)), language, json=json)


async def _recommend(
    request: recommender.RecommendRequest, *, explain: bool
) -> tuple[recommender.RecommendResponse, recommender.ExplainResponse | None, dict[str, str], str]:
    """The offers, why the first one is there, the names of what that speaks of, and the language to show them in."""
    async with connected() as services:
        language = request.language or await _language(services, request.user)
        with services.recommender() as stub:
            reply = await stub.Recommend(request)
            if not explain or not reply.recommendations:
                return reply, None, {}, language
            first = reply.recommendations[0].product.product_id
            wanted = recommender.ExplainRequest(
                user=request.user,
                product_id=first,
                language=request.language,
                context=request.context,
                context_products=request.context_products,
            )
            why = await stub.Explain(wanted)
            ids = explained.asked_for(why)
            asked = recommender.GetProductsRequest(tenant=request.user.tenant, product_ids=ids)
            found = (await stub.GetProducts(asked)).products if ids else []
            return reply, why, {each.product_id: show.in_language(each.title, language) for each in found}, language


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
    _none(reply.recommendations, reply.shortage)


def _none(offers: Sequence[Message], shortage: str) -> None:
    if not offers:
        hint = "is the catalogue loaded? `attune load catalog FILE`, or fewer filters"
        raise NothingFound(f"no product fits: {shortage or hint}")
    if shortage:
        remark(f"no more than these: {shortage}")
