"""How fast a behaviour should fade with those that came after it: the next product of Amazon Beauty's customers.

    python benchmarks/needs_recency.py

Needs the development data (environment ATTUNE_DATA, or ../shared/data beside the checkout). Each customer's last
product is hidden and looked for among all others by the need that the rest makes; products are known by their names
alone. The data has the order of purchases and no times, so fading by time is not measured. Prints a table and keeps it
in needs_recency.txt beside this script.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np

from lm.static import StaticEncoder
from needs.domain.fold import fold
from needs.domain.identity import names, product_name
from needs.domain.need import Mode, need
from needs.domain.products import Product, ProductTable
from needs.domain.state import Behaviors, Rows, row_type
from needs.domain.weights import Kind, KindWeights, Recency
from needs.domain.words import Words

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("ATTUNE_DATA", HERE.parents[1] / "shared" / "data")) / "amazon_beauty_kg"
EVERY = 4  # a quarter of the customers
FIRST = 10  # products that are looked at
TOGETHER = 500  # customers scored at once: 24 MB
PURCHASE = KindWeights().purchase
Matrix = np.ndarray[Any, np.dtype[np.float32]]


def main() -> None:
    if not (DATA / "sequences.tsv").exists():
        print(f"skipped: {DATA} is not there; set ATTUNE_DATA to the folder that holds it")
        return
    table, ids = catalogue()
    bought = sequences(ids)
    lines = [f"Amazon Beauty, {len(bought):,} customers, {len(ids):,} products, full ranking       NDCG@10   HR@10"]
    lines.append(row("the article's plain mean of the last 20", table, bought, Mode.ARTICLE, 1.0))
    lines += [
        row(f"each purchase leaves {left:.2f} of what came before", table, bought, Mode.WEIGHTED, left)
        for left in (1.0, 0.8, 0.5, 0.3)
    ]
    lines.append(
        f"shipped: half_attention = {Recency().half_attention:g}, that is {2 ** (-PURCHASE / 2):.2f} a purchase"
    )
    print(*lines, sep="\n")
    (HERE / "needs_recency.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def row(title: str, table: ProductTable, bought: list[list[int]], mode: Mode, left: float) -> str:
    half_attention = 1e12 if left == 1 else -PURCHASE / np.log2(left)
    ndcg, hits = quality(needs(table, bought, Recency(half_attention=half_attention), mode), table, bought)
    return f"  {title:<62} {ndcg:9.4f} {hits:7.4f}"


def catalogue() -> tuple[ProductTable, dict[str, int]]:
    with (DATA / "items.tsv").open(encoding="utf-8", newline="") as file:
        items = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    encoder = StaticEncoder.load()
    table = ProductTable(encoder.dim)
    for item, vector in zip(items, encoder.encode([item["title"] for item in items]), strict=True):
        table.put(Product("beauty", item["asin"], vector))
    return table, {item["asin"]: place for place, item in enumerate(items, start=1)}  # place 0 is the unknown product


def sequences(ids: dict[str, int]) -> list[list[int]]:
    lines = (DATA / "sequences.tsv").read_text(encoding="utf-8").splitlines()[::EVERY]
    return [[ids[asin] for asin in line.split("\t")[1].split()] for line in lines]


def needs(table: ProductTable, bought: list[list[int]], recency: Recency, mode: Mode) -> Matrix:
    """r_u of all but the last purchase, (customers, dim); zero where there is none."""
    rows: Rows = np.zeros(len(bought), row_type(table.vectors.shape[1]))
    fold(rows, purchases(table, bought), table, recency)
    found = [need(each, Words(), [], table, recency, mode).vector for each in rows]
    return np.stack([np.zeros(table.vectors.shape[1], np.float32) if v is None else v for v in found])


def purchases(table: ProductTable, bought: list[list[int]]) -> Behaviors:
    people = np.repeat(np.arange(len(bought)), [len(each) - 1 for each in bought])
    places = [place for each in bought for place in each[:-1]]
    keys = {place: product_name("beauty", table.at(place).product_id) for place in set(places)}  # type: ignore[union-attr]
    count = len(places)
    return Behaviors(
        offsets=np.arange(count),
        people=people,
        products=np.array([keys[place] for place in places], dtype=np.uint64),
        kinds=np.full(count, Kind.PURCHASE, dtype=np.uint8),
        times=np.arange(1, count + 1),
        weights=np.full(count, PURCHASE),
        events=names(f"purchase {i}" for i in range(count)),
    )


def quality(found: Matrix, table: ProductTable, bought: list[list[int]]) -> tuple[float, float]:
    """NDCG@10 and share of customers whose hidden product is among the first ten; what was bought is left out."""
    gains, hits = 0.0, 0
    vectors = table.vectors[: len(table) + 1]
    for start in range(0, len(bought), TOGETHER):
        part = found[start : start + TOGETHER]
        for scores, vector, each in zip(part @ vectors.T, part, bought[start : start + TOGETHER], strict=True):
            scores[[0, *(place for place in each[:-1] if place != each[-1])]] = -np.inf
            rank = int((scores > scores[each[-1]]).sum())
            if rank < FIRST and vector.any():
                gains, hits = gains + 1 / np.log2(rank + 2), hits + 1
    return gains / len(bought), hits / len(bought)


if __name__ == "__main__":
    main()
