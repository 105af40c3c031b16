"""How a need should count time and returns: measured on real purchases.

    python benchmarks/needs_weights.py [--quick] [--no-keep]

Needs the development data (environment ATTUNE_DATA, or ../shared/data beside the checkout). `online_retail` has the
invoices of a shop with their times and what was given back: each customer's last basket is hidden, and what is new in
it is looked for among all products by the need that everything before it makes; products are known by their names
alone. How much a view, a click or a look counts, and which pause ends a visit, is in none of the data: those only
keep their order. Prints tables and keeps them in needs_weights.txt beside this script.
"""

from __future__ import annotations

import csv
import gzip
import os
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import kept
import numpy as np

from lm.static import StaticEncoder
from needs.domain.fold import fold
from needs.domain.identity import names, product_name
from needs.domain.need import Mode, need
from needs.domain.products import Product, ProductTable
from needs.domain.state import Behaviors, Rows, row_type
from needs.domain.weights import Kind, KindWeights, Recency
from needs.domain.words import Words

DATA = Path(os.environ.get("ATTUNE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
RETAIL = DATA / "online_retail" / "online_retail_until_2011-08.csv.gz"
FIRST = 10  # products that are looked at
NEVER = timedelta(days=100_000)
Matrix = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Act:
    """One line of an invoice."""

    at: int  # milliseconds since 1970
    place: int  # of the product
    kind: Kind


@dataclass(frozen=True)
class Customer:
    """What was done before the last basket, and what was new in it."""

    done: Sequence[Act]
    new: frozenset[int]

    @property
    def returned(self) -> set[int]:
        return {act.place for act in self.done if act.kind is Kind.RETURN}


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the customers")
    kept.options(parser)
    given = parser.parse_args()
    if not RETAIL.exists():
        print(f"skipped: {RETAIL} is not there; set ATTUNE_DATA to the folder that holds it")
        return
    lines = [*retail(10 if given.quick else 1), "", *unmeasured()]
    print(*lines, sep="\n")
    if not given.no_keep:
        kept.keep(__file__, lines)


def retail(every: int) -> Iterator[str]:
    table, customers = shop(every)
    title = f"Online Retail, {len(customers):,} customers, {len(table):,} products, new in the last basket"
    yield f"{title:<70} NDCG@10   HR@10"
    batch = behaviors(table, customers)
    yield row("the article's plain mean of the last 20", table, customers, batch, mode=Mode.ARTICLE)
    alone = replace(batch, times=batch.times + np.arange(len(batch)))  # a millisecond apart
    yield row("each line of an order a moment of its own", table, customers, alone)
    for days in (1, 3, 7, 14, 30, 90):
        recency = replace(Recency(), half_life=timedelta(days=days))
        yield row(f"half-life {days} days", table, customers, batch, recency=recency)
    yield row("no fading by time", table, customers, batch, recency=replace(Recency(), half_life=NEVER))
    for attention in (1.0, 2.0, 4.0, 10.0, 40.0):
        recency = replace(Recency(), half_attention=attention)
        yield row(f"half-attention {attention:g}", table, customers, batch, recency=recency)
    shipped = Recency()
    yield f"shipped: half-life {shipped.half_life.days} days, half-attention {shipped.half_attention:g}"
    yield ""
    back = [customer for customer in customers if customer.returned & {a.place for a in customer.done[-20:]}]
    title = f"{len(back):,} of them gave something back lately"
    yield f"{title:<70} NDCG@10   HR@10   given back, among the first 10"
    batch = behaviors(table, back)
    for weight in (0.0, -1.0, -1.3, -2.0, -4.0):
        weights = replace(KindWeights(), returned=weight)
        yield row(f"a return counts {weight:g}", table, back, batch, weights=weights, again=True)
    yield f"shipped: a return counts {KindWeights().returned:g}, a purchase {KindWeights().purchase:g}"


def row(
    title: str, table: ProductTable, customers: Sequence[Customer], batch: Behaviors, *, again: bool = False, **how: Any
) -> str:
    found = needs(table, len(customers), batch, **how)
    ndcg, hits, returned = quality(found, table, customers)
    return f"  {title:<66} {ndcg:9.4f} {hits:7.4f}" + (f" {returned:12.4f}" if again else "")


def shop(every: int) -> tuple[ProductTable, list[Customer]]:
    """All products by their names, and every so manieth customer who came at least twice."""
    titles: dict[str, str] = {}
    acts: defaultdict[str, list[tuple[int, str, Kind, str]]] = defaultdict(list)
    with gzip.open(RETAIL, "rt", encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            if not line["CustomerID"] or not line["Description"]:
                continue
            titles.setdefault(line["StockCode"], line["Description"].strip().lower())
            at = datetime.fromisoformat(line["InvoiceDate"]).replace(tzinfo=UTC)
            kind = Kind.RETURN if line["InvoiceNo"].startswith("C") else Kind.PURCHASE
            milliseconds = round(at.timestamp() * 1000)
            acts[line["CustomerID"]].append((milliseconds, line["StockCode"], kind, line["InvoiceNo"]))
    encoder = StaticEncoder.load()
    table = ProductTable(encoder.dim)
    for code, vector in zip(titles, encoder.encode(list(titles.values())), strict=True):
        table.put(Product("shop", code, vector))
    places = {code: place for place, code in enumerate(titles, start=1)}  # place 0 is the unknown product
    people = (customer(each, places) for each in list(acts.values())[::every])
    return table, [person for person in people if person is not None]


def customer(lines: list[tuple[int, str, Kind, str]], places: dict[str, int]) -> Customer | None:
    lines = sorted(lines, key=lambda line: line[0])
    last = next((invoice for _, _, kind, invoice in reversed(lines) if kind is Kind.PURCHASE), "")
    since = min((at for at, _, _, invoice in lines if invoice == last), default=0)
    done = [Act(at, places[code], kind) for at, code, kind, _ in lines if at < since]
    known = {act.place for act in done}
    new = frozenset(places[code] for _, code, _, invoice in lines if invoice == last) - known
    return Customer(done, new) if done and new else None


def needs(
    table: ProductTable,
    customers: int,
    batch: Behaviors,
    *,
    recency: Recency | None = None,
    weights: KindWeights | None = None,
    mode: Mode = Mode.WEIGHTED,
) -> Matrix:
    """r_u before the last basket, (customers, dim); zero where there is none."""
    how, dim = recency or Recency(), table.vectors.shape[1]
    rows: Rows = np.zeros(customers, row_type(dim))
    weighed = (weights or KindWeights()).of(batch.kinds, np.full(len(batch), np.nan))
    fold(rows, replace(batch, weights=weighed), table, how)
    found = [need(each, Words(), [], table, how, mode).vector for each in rows]
    return np.stack([np.zeros(dim, np.float32) if vector is None else vector for vector in found])


def behaviors(table: ProductTable, customers: Sequence[Customer]) -> Behaviors:
    acts = [(person, act) for person, customer in enumerate(customers) for act in customer.done]
    keys = [
        product_name("shop", product.product_id) for place in range(1, len(table) + 1) if (product := table.at(place))
    ]
    kinds = np.array([act.kind for _, act in acts], dtype=np.uint8)
    return Behaviors(
        offsets=np.arange(len(acts)),
        people=np.array([person for person, _ in acts], dtype=np.int64),
        products=np.array([keys[act.place - 1] for _, act in acts], dtype=np.uint64),
        kinds=kinds,
        times=np.array([act.at for _, act in acts], dtype=np.int64),
        weights=np.zeros(len(acts)),
        events=names(f"act {i}" for i in range(len(acts))),
    )


def quality(found: Matrix, table: ProductTable, customers: Sequence[Customer]) -> tuple[float, float, float]:
    """NDCG@10, customers with a hit, and which part of what was given back is among the first ten of all products."""
    gains, hits, again = 0.0, 0, []
    ideal = np.cumsum(1 / np.log2(np.arange(FIRST) + 2))
    for vector, person in zip(found, customers, strict=True):
        scores = vector @ table.vectors[: len(table) + 1].T
        scores[0] = -np.inf
        if person.returned:
            nearest = set(np.argpartition(-scores, FIRST)[:FIRST].tolist())
            again.append(len(person.returned & nearest) / len(person.returned))
        scores[[act.place for act in person.done]] = -np.inf
        first = np.argsort(-scores, kind="stable")[:FIRST].tolist()
        gained = sum(1 / np.log2(rank + 2) for rank, place in enumerate(first) if place in person.new)
        gains += gained / ideal[min(len(person.new), FIRST) - 1] if vector.any() else 0.0
        hits += bool(gained) and bool(vector.any())
    return gains / len(customers), hits / len(customers), float(np.mean(again)) if again else 0.0


def unmeasured() -> Iterator[str]:
    w = KindWeights()
    yield "In no data here, so that only their order is reasoned: what costs more says more"
    yield f"  glance {w.glance:g} < view {w.view:g} < click, long view, asked about {w.click:g}"
    yield f"  < cart {w.add_to_cart:g} < like {w.like:g} < purchase {w.purchase:g}"
    yield f"  taken out of the cart {w.remove_from_cart:g}, disliked {w.dislike:g}"
    yield f"  a glance, under {w.short_look.total_seconds():g} s: a page is loaded and left again"
    yield f"  a long view, from {w.long_look.total_seconds():g} s: its text was read"
    yield f"  a visit ends with a pause of {Recency().visit_gap // timedelta(minutes=1)} min, as web statistics count"


if __name__ == "__main__":
    main()
