"""A made-up shop of some hundreds of products, of which a request looks at a part: last winter's hits are forgotten."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

COLOURS = ("crimson", "amber", "ivory", "teal", "violet", "olive", "indigo", "coral", "silver", "black", "mint", "rose")
WINTER = ("sledge", "scarf", "heater", "blanket", "shovel", "candle", "glove", "boot", "thermos", "skate")
SUMMER = (
    "tent", "kayak", "hammock", "parasol", "sandal", "cooler", "grill", "fan", "snorkel", "towel",
    "racket", "bicycle", "lantern", "backpack", "fishing rod", "picnic basket", "deck chair", "garden hose",
    "straw hat", "water bottle", "beach ball", "swim ring", "lawn mower", "bird bath",
)  # fmt: skip
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
_LATER = 120  # days: by then the fashion of the winter has faded


def write(folder: Path, people: int = 40) -> Path:
    """34 things in up to 12 colours, 342 products.

    A category holds no more than its share of a list of 20, so that nothing waits for variety. No two colours are
    equally frequent, so that words do not tie: of equals the one that came first is taken, and a log has partitions.

    In winter everybody of the first half buys of the same few things. In summer those of the second half, who never
    bought one of them, go from thing to thing in a colour of theirs; and they buy their first thing again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    products = [
        {"product_id": _id(colour, thing), "title": {"en": f"{colour} {thing}"}, "category": f"all/{thing}s"}
        for row, thing in enumerate((*SUMMER, *WINTER))
        for colour in COLOURS[: row + 1]
    ]
    chance, events = Random(11), []
    for person in range(people):
        summer = person >= people // 2
        bought = _summer(chance) if summer else _winter(chance)
        for step, product in enumerate(bought):
            at = BEGIN + timedelta(days=_LATER * summer + 2 * step, minutes=person)
            events.append({
                "event_id": f"{person}-{step}", "user_id": f"p{person}", "occurred_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                "kind": "purchase", "product_id": product,
            })  # fmt: skip
    for name, lines in (("catalog", products), ("events", events)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder


def _winter(chance: Random) -> list[str]:
    return [_id(COLOURS[chance.randrange(2)], thing) for thing in chance.sample(WINTER, 7)]


def _summer(chance: Random) -> list[str]:
    place = chance.randrange(len(COLOURS))
    first, *others = (_id(COLOURS[place], thing) for thing in chance.sample(SUMMER[place:], 6))
    again = 3 + chance.randrange(2)
    return [first, *others[:again], first, *others[again:]]


def _id(colour: str, thing: str) -> str:
    return f"{colour}-{thing.replace(' ', '-')}"
