"""A small shop in a space of eight dimensions, and what people do in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from needs.domain.identity import names, product_name
from needs.domain.products import Product, ProductTable
from needs.domain.state import Behaviors, Rows, row_type
from needs.domain.weights import Kind, KindWeights

DIM, SPACE = 8, "test@1"
Batch = Callable[..., Behaviors]


def unit(*values: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    vector = np.zeros(DIM, dtype=np.float32)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


@pytest.fixture
def table() -> ProductTable:
    """p0 … p39: directions of their own, six categories, five brands, prices 10 … 49 euro."""
    made = ProductTable(DIM)
    chance = np.random.default_rng(7)
    for i in range(40):
        vector = chance.standard_normal(DIM).astype(np.float32)
        made.put(
            Product(
                tenant="shop",
                product_id=f"p{i}",
                vector=vector / np.linalg.norm(vector),
                words=((f"word{i}", 1.0),),
                category=f"category{i % 6}",
                brand=f"brand{i % 5}" if i % 7 else "",
                currency="EUR",
                amount=f"{10 + i}.00",
                attributes={"colour": "red" if i % 2 else "blue"},
            )
        )
    return made


@pytest.fixture
def behaviors() -> Batch:
    """A batch of (person, product number, kind, time[, event[, stars]]) in the order of the log."""

    def make(given: Sequence[tuple[Any, ...]]) -> Behaviors:
        kinds = np.array([g[2] for g in given], dtype=np.uint8)
        stars = np.array([g[5] if len(g) > 5 else np.nan for g in given], dtype=np.float64)
        return Behaviors(
            offsets=np.arange(len(given), dtype=np.int64),
            people=np.array([g[0] for g in given], dtype=np.int64),
            products=np.array([product_name("shop", f"p{g[1]}") for g in given], dtype=np.uint64),
            kinds=kinds,
            times=np.array([g[3] for g in given], dtype=np.int64),
            weights=KindWeights().of(kinds, stars),
            events=names(str(g[4]) if len(g) > 4 else f"{g[0]}/{i}/{g[3]}" for i, g in enumerate(given)),
        )

    return make


@pytest.fixture
def empty() -> Callable[[int], Rows]:
    """Rows of people of whom nothing is known, with a tail in float32 so that two folds can be compared."""

    def make(people: int) -> Rows:
        rows = np.zeros(people, row_type(DIM, tail="<f4"))
        rows["layout"] = 1
        return rows

    return make


@pytest.fixture
def busy() -> Callable[[int, int, int], list[tuple[Any, ...]]]:
    """What some people did: times mostly in order, some events sent twice, every kind."""

    def make(seed: int, people: int, count: int) -> list[tuple[Any, ...]]:
        chance = np.random.default_rng(seed)
        done: list[tuple[Any, ...]] = []
        for i in range(count):
            if done and chance.random() < 0.1:
                done.append(done[-1])  # its producer did not hear that it had arrived
                continue
            at = 1_700_000_000_000 + i * 3_600_000 - int(chance.integers(0, 8)) * 7_200_000
            kind = int(chance.integers(1, len(Kind) + 1))
            stars = float(chance.integers(1, 6)) if kind == Kind.RATE else np.nan
            done.append((int(chance.integers(people)), int(chance.integers(40)), kind, at, f"{seed}/{i}", stars))
        return done

    return make
