"""Behaviours as a person would tell them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from attune.events.v1.clickstream_pb2 import BehaviorKind
from attune.needs.v1 import needs_pb2 as needs

_DID = {
    "view": "viewed", "click": "clicked", "add_to_cart": "put into the cart",
    "remove_from_cart": "took out of the cart", "purchase": "bought", "return": "returned", "like": "liked",
    "dislike": "disliked", "rate": "rated", "review": "reviewed",
}  # fmt: skip
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
_OLD = timedelta(days=60)  # from then on a date says more


def kind(behavior: needs.Behavior) -> str:
    """Short name of what was done; words have none, nor has a question about a product."""
    if behavior.kind:
        return BehaviorKind.Name(behavior.kind).removeprefix("BEHAVIOR_KIND_").lower()
    return "question" if behavior.product_id else "words"


def told(behavior: needs.Behavior, titles: Mapping[str, str], now: datetime) -> str:
    """Such as `viewed Gooseneck kettle 3 minutes ago`."""
    what = titles.get(behavior.product_id) or behavior.product_id or f"“{behavior.text}”"
    did = _DID.get(kind(behavior), "asked about" if behavior.product_id else "said")
    return f"{did} {what} {ago(behavior.occurred_at.ToDatetime(UTC), now)}"


def part(behavior: needs.Behavior) -> str:
    """What it does to the need, such as `makes 34 % of the need`."""
    if not behavior.weight:
        return "says nothing of the need"
    if not behavior.share:
        return "has no vector here"
    away = "leads away and " if behavior.weight < 0 else ""
    return f"{away}makes {percent(behavior.share)} of the need"


def counted(behaviors: int) -> str:
    """How many."""
    return f"{behaviors} behaviour" + ("" if behaviors == 1 else "s")


def percent(share: float) -> str:
    """A share that is not nothing does not read as nothing."""
    return f"{share:.0%}".replace("%", " %") if abs(share) >= 0.005 or not share else "less than 1 %"  # noqa: PLR2004


def ago(at: datetime, now: datetime) -> str:
    """How long before `now`, in the largest unit that fits."""
    age = now - at
    if age > _OLD:
        return f"on {at.date().isoformat()}"
    seconds = int(age.total_seconds())
    size, unit = next((each for each in _UNITS if seconds >= each[0]), (1, "moment"))
    if unit == "moment":
        return "just now" if seconds >= 0 else "in the future"
    count = seconds // size
    return f"{count} {unit}{'s' if count > 1 else ''} ago"


def products(behaviors: Iterable[needs.Behavior]) -> list[str]:
    """Which products they are towards."""
    return list(dict.fromkeys(each.product_id for each in behaviors if each.product_id))
