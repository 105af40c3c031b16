"""`attune need`: what is known of a person's need."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from attune.events.v1.clickstream_pb2 import BehaviorKind
from attune.needs.v1 import needs_pb2 as needs
from attune.recommender.v1 import recommender_pb2 as recommender
from attune.types.v1.types_pb2 import UserRef
from attune_cli import show
from attune_cli.behaviors import counted, part, percent, products, told
from attune_cli.failures import BadInput, Failure, NothingFound
from attune_cli.options import Json, Tenant, User
from attune_cli.output import as_json, print_json, say, table
from attune_cli.services import Services, connected
from chassis.rpc import deadline

_SUPPOSED = [name.removeprefix("BEHAVIOR_KIND_").lower() for name, number in BehaviorKind.items()
             if number not in {0, 10, 12}]  # fmt: skip
_WATCH = 3_600.0  # seconds that a service lets someone watch; then it is asked again


def need(
    user: User,
    as_of: Annotated[str, typer.Option("--as-of", metavar="TIME", help="As it was then, such as "
                                       "2026-01-31T12:00:00Z, as far as the last behaviours tell.")] = "",
    what_if: Annotated[list[str] | None, typer.Option("--what-if", metavar="KIND:PRODUCT", help="As it would be after "
                       "this, such as view:kettle-steep-temp; may be repeated. Nothing is remembered of it.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Tell each change, until Ctrl-C.")] = False,
    tenant: Tenant = "",
    json: Json = False,
) -> None:  # fmt: skip
    """Show what a person needs: what they did and which part of the need each makes, words, and the profile.

    Example: attune need maria

    As it would be: attune need maria --what-if purchase:kettle-steep-temp

    Exits with 3 when nothing is known of the person.
    """
    request = needs.GetNeedRequest(
        user=UserRef(tenant=tenant, user_id=user), as_of=moment(as_of), what_if=supposed(what_if or [])
    )
    if watch:
        if as_of or what_if:
            raise BadInput("--watch tells the need as it is: leave out --as-of and --what-if")
        with suppress(KeyboardInterrupt):
            asyncio.run(_watch(request.user, json=json))
        return
    found, profile, titles = asyncio.run(_ask(request, titled=not json))
    if json:
        print_json({"need": as_json(found.need), "profile": as_json(profile.profile), "served": as_json(found.served)})
    else:
        _show(found.need, profile.profile, titles)
        show.served(found.served)
    if not found.need.known:
        raise NothingFound("" if json else f"nothing is known of {user}: they did nothing yet, or were erased")


def moment(text: str) -> Timestamp | None:
    """A time as people write it; raises BadInput. None for no text."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--as-of {text!r}: give a time such as 2026-01-31T12:00:00Z") from None
    found = Timestamp()
    found.FromDatetime(at if at.tzinfo else at.astimezone())  # without a zone: that of this terminal
    return found


def supposed(given: Sequence[str]) -> list[needs.Supposed]:
    """`KIND:PRODUCT` each; raises BadInput."""
    found = []
    for text in given:
        what, _, product = text.partition(":")
        if what not in _SUPPOSED or not product:
            raise BadInput(f"--what-if {text!r}: give KIND:PRODUCT, where KIND is one of {', '.join(_SUPPOSED)}")
        found.append(needs.Supposed(kind=BehaviorKind.Value(f"BEHAVIOR_KIND_{what.upper()}"), product_id=product))
    return found


async def _ask(
    request: needs.GetNeedRequest, *, titled: bool
) -> tuple[needs.GetNeedResponse, needs.GetProfileResponse, Mapping[str, str]]:
    async with connected() as services:
        with services.needs() as stub:
            found = await stub.GetNeed(request)
            profile = await stub.GetProfile(needs.GetProfileRequest(user=request.user))
        return found, profile, await _titles(services, found.need) if titled else {}


async def _watch(user: UserRef, *, json: bool) -> None:
    """The need now and after each change; whoever looks for an hour is served by the next call."""
    deadline.start(_WATCH)
    async with connected() as services:
        with services.needs() as stub:
            async for reply in stub.WatchNeed(needs.WatchNeedRequest(user=user)):
                if json:
                    print_json(reply)
                else:
                    _tell(reply.need, await _titles(services, reply.need))


async def _titles(services: Services, need: needs.Need) -> Mapping[str, str]:
    """Product id → title in the person's language, as far as the recommender knows them."""
    named = products(need.spectrum)
    request = recommender.GetProductsRequest(tenant=need.user.tenant, product_ids=named)
    try:
        with services.recommender() as stub:
            found = (await stub.GetProducts(request)).products if named else []
    except Failure:
        return {}
    return {each.product_id: show.in_language(each.title, need.language) for each in found}


def _tell(need: needs.Need, titles: Mapping[str, str]) -> None:
    """The newest behaviours in one line each."""
    now = datetime.now(UTC)
    say(f"{now.astimezone():%H:%M:%S}  {counted(need.behaviors)}")
    for each in need.spectrum[:3]:
        say(f"          {told(each, titles, now)} — {part(each)}")


def _show(need: needs.Need, profile: needs.Profile, titles: Mapping[str, str]) -> None:
    if not need.known:
        return
    vector = f"{need.vector.dim} dimensions in {need.vector.space}" if need.HasField("vector") else "none yet"
    say(f"{need.user.user_id}: {counted(need.behaviors)}, the last {need.last_at.ToJsonString()}; vector: {vector}")
    for line in _about(need):
        say(line)
    now = need.as_of.ToDatetime(UTC) if need.HasField("as_of") else datetime.now(UTC)
    for each in need.spectrum:
        say(f"  {told(each, titles, now)} — {part(each)}")
    if need.earlier_share:
        say(f"  what was before makes {percent(need.earlier_share)}")
    if need.words:
        say("words: " + ", ".join(f"{each.word} {each.weight:.2f}" for each in need.words[:16]))
    table(["facet", "name", "share"], facets(profile), title="profile")
    about = {"language": profile.language, "region": profile.region, "tier": profile.tier} | dict(profile.consents)
    if any(about.values()):
        say(", ".join(f"{name} {value}" for name, value in about.items() if value != ""))
    if profile.HasField("price_median"):
        say(f"prices: {show.money(profile.price_low)} to {show.money(profile.price_high)}, "
            f"middle {show.money(profile.price_median)}")  # fmt: skip


def _about(need: needs.Need) -> list[str]:
    """What is not as usual with it."""
    lines = []
    if need.also_known_as:
        lines.append(f"before signing in: {', '.join(need.also_known_as)}")
    if need.HasField("as_of"):
        lines.append(f"as of {need.as_of.ToJsonString()}; the profile below is of now")
    if need.incomplete:
        lines.append("incomplete: of that moment only what later behaviours have left in the spectrum is known")
    if need.simulated:
        lines.append("supposed: nothing of what was supposed is remembered")
    return lines


def facets(profile: needs.Profile, most: int = 3) -> list[list[object]]:
    """The strongest of each sort, as rows of sort, name, share."""
    sorts = {"category": profile.categories, "brand": profile.brands, "attribute": profile.attributes}
    return [[sort, each.name, each.share] for sort, found in sorts.items() for each in found[:most]]
