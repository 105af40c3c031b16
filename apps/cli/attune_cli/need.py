"""`attune need`: what is known of a person's need."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio

from attune.events.v1.clickstream_pb2 import BehaviorKind
from attune.needs.v1 import needs_pb2 as needs
from attune.types.v1.types_pb2 import UserRef
from attune_cli import show
from attune_cli.failures import NothingFound
from attune_cli.options import Json, Tenant, User
from attune_cli.output import as_json, print_json, say, table
from attune_cli.services import connected


def need(user: User, tenant: Tenant = "", json: Json = False) -> None:
    """Show what a person needs: the last behaviours and how much each counts, words, and the profile.

    Example: attune need maria

    Exits with 3 when nothing is known of the person.
    """
    who = UserRef(tenant=tenant, user_id=user)
    need, profile = asyncio.run(_ask(who))
    if json:
        print_json({"need": as_json(need.need), "profile": as_json(profile.profile), "served": as_json(need.served)})
    else:
        _show(need.need, profile.profile)
        show.served(need.served)
    if not need.need.known:
        raise NothingFound("" if json else f"nothing is known of {user}: they did nothing yet, or were erased")


async def _ask(who: UserRef) -> tuple[needs.GetNeedResponse, needs.GetProfileResponse]:
    async with connected() as services:
        with services.needs() as stub:
            need = await stub.GetNeed(needs.GetNeedRequest(user=who))
            return need, await stub.GetProfile(needs.GetProfileRequest(user=who))


def _show(need: needs.Need, profile: needs.Profile) -> None:
    if not need.known:
        return
    vector = f"{need.vector.dim} dimensions in {need.vector.space}" if need.HasField("vector") else "none yet"
    say(f"{need.user.user_id}: {need.behaviors} behaviours, the last {need.last_at.ToJsonString()}; vector: {vector}")
    rows = [
        [each.occurred_at.ToJsonString(), kind(each), each.product_id or each.text, each.weight]
        for each in need.spectrum
    ]
    table(["when", "what", "of", "counts"], rows, title="R_u, newest first")
    if need.words:
        say("words: " + ", ".join(f"{each.word} {each.weight:.2f}" for each in need.words[:16]))
    table(["facet", "name", "share"], facets(profile), title="profile")
    about = {"language": profile.language, "region": profile.region, "tier": profile.tier} | dict(profile.consents)
    if any(about.values()):
        say(", ".join(f"{name} {value}" for name, value in about.items() if value != ""))
    if profile.HasField("price_median"):
        say(f"prices: {show.money(profile.price_low)} to {show.money(profile.price_high)}, "
            f"middle {show.money(profile.price_median)}")  # fmt: skip


def kind(behavior: needs.Behavior) -> str:
    """Short name of what was done; words have none."""
    return BehaviorKind.Name(behavior.kind).removeprefix("BEHAVIOR_KIND_").lower() if behavior.kind else "words"


def facets(profile: needs.Profile, most: int = 3) -> list[list[object]]:
    """The strongest of each sort, as rows of sort, name, share."""
    sorts = {"category": profile.categories, "brand": profile.brands, "attribute": profile.attributes}
    return [[sort, each.name, each.share] for sort, found in sorts.items() for each in found[:most]]
