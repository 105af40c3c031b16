"""A shop made of real data: its catalogue and its purchases, as files that `attune load` and `attune replay` read.

Usage: python benchmarks/real_shop.py FOLDER [--lines 25000]

Reads `retail_demo_store` (2,465 products with descriptions) and `online_retail` (invoices of a gift retailer with item
text, customer and time) from $ATTUNE_DATA, or from `shared/data` beside the checkout. Nothing of it is kept here.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import yaml

TENANT = "real"
DATA = Path(os.environ.get("ATTUNE_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
_ITEM = re.compile(r"^\d{5}[A-Za-z]{0,2}$")  # other codes are postage, fees and corrections


def catalogue() -> Iterator[dict[str, object]]:
    """Products of both sources in the JSON form of `attune.events.v1.Product`."""
    with (DATA / "retail_demo_store" / "products.yaml").open(encoding="utf-8") as file:
        for row in yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # noqa: S506 - both are safe
            yield {
                "tenant": TENANT,
                "product_id": row["id"],
                "title": {"en": row["name"]},
                "description": {"en": row["description"]},
                "category": f"{row['category']}/{row['style']}",
                "price": {"currency": "USD", "amount": f"{float(row['price']):.2f}"},
                "availability": "in_stock" if row["current_stock"] else "out_of_stock",
            }
    names: dict[str, Counter[str]] = defaultdict(Counter)
    prices: dict[str, list[float]] = defaultdict(list)
    for line in invoices():
        names[line["StockCode"]][line["Description"].strip()] += 1
        prices[line["StockCode"]].append(float(line["UnitPrice"]))
    for code, said in names.items():
        yield {
            "tenant": TENANT,
            "product_id": code,
            "title": {"en": said.most_common(1)[0][0].capitalize()},
            "price": {"currency": "GBP", "amount": f"{statistics.median(prices[code]):.2f}"},
        }


def purchases(lines: int) -> Iterator[dict[str, object]]:
    """The first `lines` purchase lines in time order, as `attune.events.v1.ClickstreamEvent`."""
    for number, line in enumerate(invoices()):
        if number == lines:
            return
        yield {
            "event_id": f"{line['InvoiceNo']}-{number}",
            "tenant": TENANT,
            "user_id": line["CustomerID"].removesuffix(".0"),
            "session_id": line["InvoiceNo"],
            "kind": "purchase",
            "product_id": line["StockCode"],
            "quantity": int(float(line["Quantity"])),
            "occurred_at": line["InvoiceDate"].replace(" ", "T") + "Z",
        }


def invoices() -> Iterator[dict[str, str]]:
    """Sold items of known customers; the file is in time order."""
    with gzip.open(DATA / "online_retail" / "online_retail_until_2011-08.csv.gz", "rt", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            sold = float(line["Quantity"]) > 0 and float(line["UnitPrice"]) > 0
            if sold and line["CustomerID"] and line["Description"].strip() and _ITEM.match(line["StockCode"]):
                yield line


def write(folder: Path, lines: int) -> tuple[Path, Path]:
    """Write `catalog.jsonl` and `purchases.jsonl` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "catalog.jsonl", folder / "purchases.jsonl"
    for path, rows in zip(paths, (catalogue(), purchases(lines)), strict=True):
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return paths


def main() -> None:
    """Write the files and say where."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lines", type=int, default=25_000, help="purchase lines to write (default %(default)s)")
    given = parser.parse_args()
    for path in write(given.folder, given.lines):
        print(path)


if __name__ == "__main__":
    main()
