"""What a step of the story expects, and whether and when it could be read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from attune.content.v1 import content_pb2 as content
from attune.needs.v1 import needs_pb2 as needs
from attune.qa.v1 import qa_pb2 as qa
from attune.recommender.v1 import recommender_pb2 as recommender
from attune_cli import show
from attune_cli.ask import outcome
from attune_cli.need import facets
from attune_cli.shopper import Acknowledged, Shopper

T = TypeVar("T")
_PATIENCE = 5.0  # seconds until a change that did not come is given up
_LOOK = 0.005  # seconds between two looks
_SHOWN = 3  # products


@dataclass(frozen=True, slots=True)
class Before:
    """What could be read before a step."""

    need: needs.Need
    offers: recommender.RecommendResponse
    arm: content.Arm | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was expected of a step."""

    of: str
    milliseconds: float  # from the acknowledgement by Kafka, or the call, to the first reply that holds it
    lines: Sequence[str]  # what there is to see
    missing: Sequence[str] = field(default=())  # what was expected and is not there; empty: it happened


async def need(shopper: Shopper, sent: Acknowledged, before: Before, expected: dict[str, Any]) -> Change:
    """The need differs, and the profile has one of the categories among its first three."""

    async def look() -> tuple[needs.Need, needs.Profile]:
        reply = await shopper.need(sent.watermarks)
        return reply.need, (await shopper.profile(sent.watermarks)).profile

    def wanting(seen: tuple[needs.Need, needs.Profile]) -> list[str]:
        need, profile = seen
        missing = (
            [] if need.behaviors > before.need.behaviors or differs(need, before.need) else ["the need is the same"]
        )
        return missing + _one_of((each.name for each in profile.categories[:3]), expected, "among the first categories")

    (now, profile), late, missing = await _until(look, wanting, sent.at)
    words = ", ".join(f"{each.word} {each.weight:.2f}" for each in now.words[:6])
    top = ", ".join(f"{name} {share:.0%}" for _, name, share in facets(profile, 2) if isinstance(share, float))
    lines = (
        [f"{now.behaviors} behaviours"] + ([f"facets: {top}"] if top else []) + ([f"words: {words}"] if words else [])
    )
    return Change("need", late, lines, missing)


async def recommendation(shopper: Shopper, sent: Acknowledged, before: Before, expected: dict[str, Any]) -> Change:
    """The offers differ; one of the categories is among the first ten, none of `without`, and `first` is the first."""

    def wanting(now: recommender.RecommendResponse) -> list[str]:
        missing = [] if scores(now) != scores(before.offers) else ["the recommendations are the same"]
        found = {each.product.product_id for each in now.recommendations}
        first = now.recommendations[0].product.product_id if now.recommendations else "nothing"
        missing += [f"{first} stands first, not {expected['first']}"] if expected.get("first", first) != first else []
        missing += [f"{product} is still offered" for product in expected.get("without", []) if product in found]
        categories = (each.product.category for each in now.recommendations)
        return missing + _one_of(categories, expected, "among the recommendations")

    now, late, missing = await _until(lambda: shopper.offers(sent.watermarks), wanting, sent.at)
    return Change("recommendation", late, offer_lines(now), missing)


async def experiment(
    shopper: Shopper, sent: Acknowledged, before: Before, of: content.Composition, expected: dict[str, Any]
) -> Change:
    """The arm that was composed counts one more."""
    count = expected["count"]
    earlier = getattr(before.arm or content.Arm(), count)

    def wanting(now: content.Arm) -> list[str]:
        return [] if getattr(now, count) == earlier + 1 else [f"{count} went from {earlier} to {getattr(now, count)}"]

    now, late, missing = await _until(lambda: shopper.arm(of.experiment_id, of.variant_id), wanting, sent.at)
    line = f"{of.experiment_id}, variant {of.variant_id}: {now.impressions} impressions, {now.clicks} clicks, rate "
    return Change("experiment", late, [line + f"{now.mean:.2f} in [{now.low:.2f}, {now.high:.2f}]"], missing)


def answer(given: qa.Answer, late: float, expected: dict[str, Any]) -> Change:
    """The outcome, the family of the first source and the language are those expected."""
    how = outcome(given).replace(" ", "_")
    first = given.citations[0] if given.citations else qa.Citation()
    wanted = expected.get("outcome")
    missing = [] if how == wanted or (wanted is None and how in {"direct", "generated"}) else [f"it was {how}"]
    if expected.get("family", first.family) != first.family:
        missing.append(f"its source is of {first.family or 'nothing'}, not of {expected['family']}")
    if expected.get("language", given.language) != given.language:
        missing.append(f"its language is {given.language!r}, not {expected['language']!r}")
    lines = [given.text, f"{how}, probability {given.probability:.2f}"]
    if given.citations and how != "handed_over":
        lines.append(f"source: {first.source or first.entry_id}: {first.question} ({show.score(first.score)})")
    return Change("answer", late, lines, missing)


def text(written: content.Composition, late: float, expected: dict[str, Any]) -> Change:
    """A text in the language, every fact of which holds."""
    missing = [] if written.text else ["there is no text"]
    missing += [f"{fact.claim!r} does not hold" for fact in written.facts if not fact.holds]
    if expected.get("language", written.language) != written.language:
        missing.append(f"its language is {written.language!r}, not {expected['language']!r}")
    facts = "; ".join(f"{fact.claim!r} is {fact.field} {fact.value}" for fact in written.facts)
    chosen = f"variant {written.variant_id} by {written.made_by}, chosen with probability {written.propensity:.2f}"
    return Change("text", late, [written.text, f"checked: {facts or 'it states no fact'}", chosen], missing)


def offer_lines(reply: recommender.RecommendResponse) -> list[str]:
    """The first offers with their terms."""
    first = reply.recommendations[:_SHOWN]
    lines = [f"{each.product.product_id} {each.score.value:.3f} = {show.score(each.score)}" for each in first]
    lines += [f"rule {rule.rule_id}: {rule.effect} {each.product.product_id}" for each in first for rule in each.rules]
    return lines + [f"instead of {each.component}: {each.used}" for each in reply.served.fallbacks]


def differs(one: needs.Need, other: needs.Need) -> bool:
    """Whether two needs say different things; their times alone do not count."""
    return one.vector != other.vector or list(one.words) != list(other.words)


def scores(reply: recommender.RecommendResponse) -> list[tuple[str, float]]:
    return [(each.product.product_id, round(each.score.value, 6)) for each in reply.recommendations]


async def _until(
    look: Callable[[], Awaitable[T]], wanting: Callable[[T], list[str]], since: float
) -> tuple[T, float, list[str]]:
    """The first reply that wants nothing, or the last one; milliseconds; what it wants."""
    while True:
        seen = await look()
        late = time.perf_counter() - since
        missing = wanting(seen)
        if not missing or late > _PATIENCE:
            return seen, late * 1000, missing
        await asyncio.sleep(_LOOK)


def _one_of(found: Iterable[str], expected: dict[str, Any], where: str) -> list[str]:
    """What is missing when none of the expected categories, nor one below them, is found."""
    wanted = expected.get("categories", [])
    names = list(found)
    if not wanted or any(name == each or name.startswith(f"{each}/") for name in names for each in wanted):
        return []
    return [f"none of {', '.join(wanted)} is {where}: {', '.join(dict.fromkeys(names)) or 'there are none'}"]
