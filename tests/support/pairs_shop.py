"""A made-up shop in Attune's own form: who buys a pot buys its lid next, whatever is popular."""

from __future__ import annotations

import json
from pathlib import Path

THINGS = ("kettle", "teapot", "lamp", "tent", "sock", "chair", "pan", "mug", "rug", "vase")


def write(folder: Path, people: int = 60) -> Path:
    """Ten pairs of products and one that everybody buys; each person buys two pairs."""
    folder.mkdir(parents=True, exist_ok=True)
    products = [{"product_id": "bag", "title": {"en": "paper bag"}, "category": "misc"}]
    for number, thing in enumerate(THINGS):
        kind = f"home/{thing}s"
        products.append(
            {"product_id": f"{thing}-1", "title": {"en": f"blue {thing}"}, "category": kind, "brand": "Ember"}
        )
        products.append({"product_id": f"{thing}-2", "title": {"en": f"set {number} cover"}, "category": "covers"})
    events = []
    for person in range(people):
        first, second = THINGS[person % 10], THINGS[(person * 3 + 1) % 10]
        bought = [f"{first}-1", f"{first}-2", "bag", f"{second}-1", f"{second}-2"]
        for day, product in enumerate(dict.fromkeys(bought), start=1):
            at = f"2025-03-{day:02d}T{person % 24:02d}:00:00Z"
            event = {"event_id": f"{person}-{day}", "user_id": f"p{person}", "occurred_at": at}
            events.append({**event, "kind": "purchase", "product_id": product})
    queries = [{"query": f"blue {thing}", "relevant": [f"{thing}-1"]} for thing in THINGS]
    for name, lines in (("catalog", products), ("events", events), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder
