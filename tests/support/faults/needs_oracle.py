"""What needs must hold: the log folded by one thread, one event after the other, and how far a service is from it."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lm.static import StaticEncoder
from needs.domain.identity import names, product_name
from needs.domain.need import Mode, Need, need
from needs.domain.one_by_one import fold_one_by_one
from needs.domain.products import Product, ProductTable
from needs.domain.state import LAYOUT, Behaviors, row_type
from needs.domain.weights import Kind, KindWeights, Recency
from needs.domain.words import Words

PRODUCTS = tuple(f"p{number}" for number in range(31))  # a prime: people and products meet in all pairs
LATE = "p31"  # comes when a test says so
ALIKE = 1e-5  # of a unit vector
Event = Mapping[str, Any]


@lru_cache(maxsize=1)
def encoder() -> StaticEncoder:
    """For its space alone: vectors of the tests are random."""
    return StaticEncoder.load()


def vector_of(product: str) -> NDArray[np.float32]:
    """The same unit vector for a product in every process."""
    chance = np.random.default_rng(int(names([product])[0]))
    drawn = chance.standard_normal(encoder().dim).astype(np.float32)
    return drawn / np.float32(np.linalg.norm(drawn))


def vector_record(tenant: str, product: str) -> dict[str, Any]:
    """As the recommender publishes it, in JSON."""
    vector = vector_of(product)
    data = base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return {
        "tenant": tenant,
        "product_id": product,
        "vectors": [{"data": data, "dim": len(vector), "space": encoder().space}],
        "category": f"c{int(product[1:]) % 5}",
        "brand": f"b{int(product[1:]) % 7}",
    }


@dataclass(slots=True)
class Expected:
    """What one person must look like."""

    kinds: Counter[str]  # distinct events by kind
    need: Need


def expected(events: Iterable[Event]) -> dict[tuple[str, str], Expected]:
    """(tenant, user) → what must be known, from clicks in the order of the log; poison is not among them."""
    found: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        found.setdefault((event["tenant"], event["user_id"]), []).append(event)
    tables: dict[str, ProductTable] = {}
    for tenant, _ in found:
        if tenant not in tables:
            tables[tenant] = _table(tenant)
    return {person: _expected(of, tables[person[0]]) for person, of in found.items()}


def _table(tenant: str) -> ProductTable:
    table = ProductTable(encoder().dim)
    for product in (*PRODUCTS, LATE):
        record = vector_record(tenant, product)
        table.put(Product(tenant, product, vector_of(product), category=record["category"], brand=record["brand"]))
    return table


def _expected(events: Sequence[Event], table: ProductTable) -> Expected:
    once = {event["event_id"]: event for event in reversed(events)}
    kinds = Counter(str(event["kind"]) for event in once.values())
    rows = np.zeros(1, row_type(encoder().dim, tail="<f8"))
    rows["layout"] = LAYOUT
    numbers = np.array([Kind[event["kind"].upper()] for event in events], dtype=np.uint8)
    batch = Behaviors(
        offsets=np.arange(len(events), dtype=np.int64),
        people=np.zeros(len(events), dtype=np.int64),
        products=np.array([product_name(e["tenant"], e["product_id"]) for e in events], dtype=np.uint64),
        kinds=numbers,
        times=np.array([_ms(event["occurred_at"]) for event in events], dtype=np.int64),
        weights=KindWeights().of(numbers, np.full(len(events), np.nan)),
        events=names(event["event_id"] for event in events),
    )
    fold_one_by_one(rows, batch, table, Recency())
    return Expected(kinds, need(rows[0], Words(), [], table, Recency(), Mode.WEIGHTED))


@dataclass(slots=True)
class Difference:
    """How a service differs from what must be."""

    acknowledged: int = 0  # distinct events
    lost: int = 0
    doubled: int = 0
    told: list[str] = field(default_factory=list)  # what else is wrong, in words
    vector: float = 0.0  # largest distance of a need's vector from the one recomputed
    compared: set[str] = field(default_factory=set)  # people, conversations, texts: who was looked at
    unlike: set[str] = field(default_factory=set)  # whoever of them is not as they must be

    def count(self, who: str, wanted: Mapping[str, int], held: Mapping[str, int]) -> None:
        """Compare counts by kind: fewer is lost, more is doubled, whatever else makes up for it."""
        self.acknowledged += sum(wanted.values())
        self.compared.add(who)
        for kind in {*wanted, *held}:
            missing = wanted.get(kind, 0) - held.get(kind, 0)
            self.lost += max(0, missing)
            self.doubled += max(0, -missing)
            if missing:
                self.differs(who, f"{kind}: {held.get(kind, 0)} instead of {wanted.get(kind, 0)}")

    def compare_need(self, who: str, wanted: Need, held: Any) -> None:
        """`held` is the message of the contract: the same behaviours, the same weights, the same vector."""
        self.compared.add(who)
        if wanted.behaviors != held.behaviors:
            self.differs(who, f"{held.behaviors} behaviours instead of {wanted.behaviors}")
        given = [(b.product_id, b.kind, b.occurred_at.ToMilliseconds()) for b in held.spectrum]
        right = [(b.product_id, b.kind, b.at) for b in wanted.spectrum]
        if given != right:
            self.differs(who, f"its spectrum is {given[:3]}… instead of {right[:3]}…")
        elif not np.allclose([b.weight for b in held.spectrum], [b.weight for b in wanted.spectrum], atol=1e-5):
            self.differs(who, "other weights")
        if wanted.vector is None or not held.HasField("vector"):
            if (wanted.vector is None) is held.HasField("vector"):
                self.differs(who, "a vector that is there must not be, or the other way round")
            return
        away = float(np.abs(np.frombuffer(held.vector.data, "<f4") - wanted.vector).max())
        self.vector = max(self.vector, away)
        if not away <= ALIKE:  # so that a vector that is no number is seen too
            self.differs(who, f"its vector is {away:.2g} away")

    def differs(self, who: str, how: str) -> None:
        """Say what is wrong with someone."""
        self.told.append(f"{who}: {how}")
        self.unlike.add(who)


def _ms(stamp: str) -> int:
    return round(datetime.fromisoformat(stamp).timestamp() * 1000)
