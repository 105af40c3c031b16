"""What rules cost a reply: the choice of ten out of 300 candidates, without rules and with twenty.

    python benchmarks/rules.py [--quick] [--products 100000] [--no-keep]

Prints a table and keeps it in rules.txt beside this script. Times are those of the processor.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from datetime import timedelta
from decimal import Decimal

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in the service

import kept
import numpy as np

from recommender.domain.arrange import offered
from recommender.domain.bag import EMPTY
from recommender.domain.context import Context
from recommender.domain.product import Key, Position, Product
from recommender.domain.rulebook import RuleBook
from recommender.domain.rules import (
    AdultsOnly,
    Boost,
    BrandCap,
    Bury,
    Customer,
    Effect,
    Exclude,
    FreshQuota,
    Match,
    Pin,
    Rule,
)
from recommender.domain.ruling import Ruling
from recommender.domain.score import Scores
from recommender.domain.shop import Entry, Shop

_CANDIDATES, _ASKED, _K = 300, 500, 10
_NOW = 1_767_225_600_000
_DAY = 86_400_000


def shop_of(products: int, rng: random.Random) -> Shop:
    """Fifty categories, two hundred brands."""
    shop = Shop("default", 64)
    vectors = np.random.default_rng(1).standard_normal((products, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for place in range(products):
        shop.settle(place, f"p{place}")
        product = Product(
            Key("default", f"p{place}"),
            {"en": f"p{place}"},
            category=f"c{place % 7}/c{place % 50}",
            brand=f"b{rng.randrange(200)}",
            currency="EUR",
            amount=Decimal(rng.randrange(1, 200)),
            released=_NOW - rng.randrange(700) * _DAY,
        )
        shop.put(Entry(product, vectors[place], EMPTY, Position("log", 0, place)))
    return shop


def twenty() -> list[Rule]:
    """As a shop may have them: mostly what is not offered and what counts more or less."""
    effects: list[tuple[Effect, Match]] = [
        *((Exclude(), Match(brands=frozenset({f"b{n}"}))) for n in range(6)),
        *((Exclude(), Match(categories=frozenset({f"c{n}/c{n}"}))) for n in range(2)),
        (AdultsOnly(18), Match(categories=frozenset({"c3"}), currency="EUR", least=Decimal(100))),
        *((Boost(0.1 * n), Match(brands=frozenset({f"b{50 + n}"}))) for n in range(4)),
        *((Boost(0.2), Match(newer_than=timedelta(days=30 * n))) for n in (1, 2)),
        *((Pin(n), Match(product_ids=frozenset({f"p{n}"}))) for n in (1, 2)),
        (Bury(), Match(currency="EUR", most=Decimal(5))),
        (BrandCap(3), Match()),
        (FreshQuota(0.1, timedelta(days=14)), Match()),
    ]
    return [Rule("default", f"r{index:02}", effect, match) for index, (effect, match) in enumerate(effects)]


def reply(shop: Shop, book: RuleBook | None, places: list[int], base: np.ndarray) -> float:
    """Milliseconds of the processor from the candidates to the ten that are offered, rules named."""
    begun = time.thread_time()
    ruling = Ruling(shop, book, _NOW, Context.HOME, Customer())
    at = np.array(places)
    boosts = None
    if ruling:
        ruling.wanted(500, new=100)
        at = at[ruling.permits(at)]
        boosts = ruling.boosts(at)
    columns = [("base", base[at], 1.0)] + ([] if boosts is None else [("rule.boost", boosts, 1.0)])
    chosen = offered(shop, Scores(at.tolist(), columns), _K, ruling, diverse=True)
    if ruling:
        ruling.moving(np.array([each.place for each in chosen]))
    return (time.thread_time() - begun) * 1000


def measure(products: int) -> list[str]:
    """The rows of one size."""
    rng = random.Random(5)
    shop = shop_of(products, rng)
    begun = time.thread_time()
    book = RuleBook(shop, twenty())
    slices = []
    more = True
    while more:
        started = time.thread_time()
        more = book.some()
        slices.append((time.thread_time() - started) * 1000)
    made = time.thread_time() - begun
    base = np.random.default_rng(2).random(products)
    asked = [rng.sample(range(products), _CANDIDATES) for _ in range(_ASKED)]
    took: dict[str, list[float]] = {"none": [], "20": []}
    for places in asked:  # in turn, so that both meet the same machine
        took["none"].append(reply(shop, None, places, base))
        took["20"].append(reply(shop, book, places, base))
    entry = shop.entry(0)
    assert entry is not None  # noqa: S101 - it was put
    changes = []
    for turn in range(200):
        shop.put(Entry(entry.product, entry.vector, entry.words, Position("log", 0, products + turn)))
        begun = time.thread_time()
        book.catch_up()
        changes.append((time.thread_time() - begun) * 1000)
    rows = [f"{products:,} products, {_CANDIDATES} candidates, {_K} offers"]
    rows += [
        f"  {name:>4} rules    {np.percentile(each, 50):8.3f} ms p50   {np.percentile(each, 99):8.3f} ms p99"
        for name, each in took.items()
    ]
    rows.append(f"  20 rules are new: {made * 1000:.0f} ms of work in slices of at most {max(slices):.1f} ms")
    rows.append(f"  a product changed: {np.percentile(changes, 50):.3f} ms")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10,000 products alone")
    parser.add_argument("--products", type=int, default=100_000)
    kept.options(parser)
    given = parser.parse_args()
    lines = measure(10_000)
    if not given.quick:
        lines += measure(given.products)
    print("\n".join(lines))
    if not given.no_keep:
        kept.keep(__file__, lines)


if __name__ == "__main__":
    main()
