"""A made-up shop whose people follow the fashion of the week, whatever they bought: f as shipped suits it badly."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

KINDS = ("kettle", "teapot", "lamp", "tent", "sock", "chair", "pan", "mug", "rug", "vase")
COLOURS = ("blue", "red", "green", "white", "black", "grey", "pink", "brown")
BEGIN = datetime(2025, 3, 1, tzinfo=UTC)
SPELL = timedelta(days=10)  # how long a fashion lasts
IN_FASHION = 4  # products at a time


def write(folder: Path, people: int = 300, spells: int = 8) -> tuple[Path, Path]:
    """catalog.jsonl and events.jsonl: in every spell each person buys one of the few products of the hour."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(7)
    products = [
        {"product_id": f"{colour}-{kind}", "title": {"en": f"{colour} {kind}"}, "category": f"home/{kind}"}
        for kind in KINDS
        for colour in COLOURS
    ]
    names = [product["product_id"] for product in products]
    chance.shuffle(names)
    events = []
    for spell in range(spells):
        fashion = names[spell * IN_FASHION : (spell + 1) * IN_FASHION]
        for person in range(people):
            at = BEGIN + SPELL * spell + SPELL * chance.random()
            chosen = chance.choice(fashion) if chance.random() < 0.9 else chance.choice(names)
            events.append((at, person, chosen))
    lines = [
        {"event_id": f"e{number}", "user_id": f"p{person}", "occurred_at": at.isoformat().replace("+00:00", "Z"),
         "kind": "purchase", "product_id": product}
        for number, (at, person, product) in enumerate(sorted(events))
    ]  # fmt: skip
    paths = folder / "catalog.jsonl", folder / "events.jsonl"
    for path, rows in zip(paths, (products, lines), strict=True):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return paths
