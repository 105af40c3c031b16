"""`attune compose` and `experiment`: texts, and how they do."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from attune.content.v1 import content_pb2 as content
from attune.types.v1.types_pb2 import UserRef
from attune_cli import show
from attune_cli.failures import NothingFound
from attune_cli.options import Json, Language, Tenant, User
from attune_cli.output import print_json, remark, say, table
from attune_cli.services import connected


def compose(
    user: User,
    product: Annotated[str, typer.Option("--product", help="Id of the product.")],
    channel: Annotated[str, typer.Option("--channel", help="Where it will be shown: email, push, sms, banner, …")],
    candidates: Annotated[bool, typer.Option("--candidates", help="Also those that were not chosen.")] = False,
    language: Language = "",
    tenant: Tenant = "",
    json: Json = False,
) -> None:
    """Write a text for a person, a product and a channel; every fact in it is checked against the product's record.

    Example: attune compose tea-lover-1 --product kettle-steep-temp --channel email

    What became of it: attune compose tea-lover-1 --product kettle-steep-temp --channel email --json | attune send click --user tea-lover-1 --content -
    """  # noqa: E501 - one line to copy
    request = content.ComposeRequest(
        user=UserRef(tenant=tenant, user_id=user),
        product_id=product,
        channel=channel,
        language=language,
        with_candidates=candidates,
    )
    reply = asyncio.run(_compose(request))
    if json:
        print_json(reply)
        return
    written = reply.composition
    say(written.text, style="bold")
    table(["claim", "field", "value", "holds"], facts(written.facts), title="facts")
    remark(f"experiment {written.experiment_id}, variant {written.variant_id} by {written.made_by}, chosen with "
           f"probability {written.propensity:.2f}; log P(x|u,t) = {written.score.value:.2f}: "
           f"{show.score(written.score)}")  # fmt: skip
    if reply.candidates:
        rows = [[each.text, each.made_by, each.score.value, each.refused] for each in reply.candidates]
        table(["candidate", "by", "log P", "refused"], rows)
    show.served(reply.served)


def experiment(
    experiment_id: Annotated[str, typer.Argument(metavar="[ID]", help="As `compose` names it; empty lists all.")] = "",
    tenant: Tenant = "",
    json: Json = False,
) -> None:
    """Show how the variants of an experiment do.

    Example: attune experiment email:en
    """
    reply = asyncio.run(_experiment(content.GetExperimentRequest(tenant=tenant, experiment_id=experiment_id)))
    if json:
        print_json(reply)
    else:
        for each in reply.experiments:
            counts = f"{each.impressions} impressions, {each.clicks} clicks, {each.purchases} purchases"
            say(f"{each.experiment_id}: {counts}")
            if each.arms:
                table(["variant", "shown", "clicked", "bought", "rate", "low", "high", "is best"], arms(each))
    if not reply.experiments:
        raise NothingFound("no experiment yet: `attune compose` begins one")


def facts(found: Sequence[content.Fact]) -> list[list[object]]:
    """Rows of claim, field, value, whether it holds."""
    return [[each.claim, each.field, each.value, "yes" if each.holds else "NO"] for each in found]


def arms(found: content.Experiment) -> list[list[object]]:
    return [
        [
            each.variant_id,
            each.impressions,
            each.clicks,
            each.purchases,
            each.mean,
            each.low,
            each.high,
            each.probability_best,
        ]
        for each in found.arms
    ]


async def _compose(request: content.ComposeRequest) -> content.ComposeResponse:
    async with connected() as services:
        with services.content() as stub:
            return await stub.Compose(request)


async def _experiment(request: content.GetExperimentRequest) -> content.GetExperimentResponse:
    async with connected() as services:
        with services.content() as stub:
            return await stub.GetExperiment(request)
