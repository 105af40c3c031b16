"""What is evaluated: products, what people did with them, and questions with known answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from attune.events.v1.product_pb2 import Product

BEGIN = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1000)  # of sequences that have an order and no times
STEP = 60_000  # milliseconds between two of them: an order is known, so fading by days must say nothing
FILED = "catalog.jsonl"


class Act(NamedTuple):
    """One behaviour."""

    user: str
    product: str
    at: int  # milliseconds since 1970
    kind: str = "purchase"  # as in the contract, short form
    rating: float | None = None  # stars


class Question(NamedTuple):
    """A search and the products that answer it."""

    text: str
    relevant: frozenset[str]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A shop's past."""

    name: str
    products: Sequence[Product]
    acts: Sequence[Act] = ()  # in the order of time
    questions: Sequence[Question] = ()
    timed: bool = True  # whether the times are the shop's own, or made up for sequences
    about: Mapping[str, str] = field(default_factory=dict)  # what a reader of the figures must know

    def histories(self) -> dict[str, list[Act]]:
        """What each person did, oldest first."""
        found: defaultdict[str, list[Act]] = defaultdict(list)
        for act in self.acts:
            found[act.user].append(act)
        return dict(found)


def of_sequences(sequences: Mapping[str, Sequence[str]], kind: str = "purchase") -> list[Act]:
    """Sequences without times → acts, one step apart, everybody's first step at the same moment."""
    acts = [
        Act(user, product, BEGIN + step * STEP, kind)
        for user, products in sequences.items()
        for step, product in enumerate(products)
    ]
    return sorted(acts, key=lambda act: act.at)  # stable: of one moment in the order of the people
