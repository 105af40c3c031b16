"""A gift retailer's invoices, a demo shop's catalogue, and Chinese titles with judged queries."""

from __future__ import annotations

import csv
import gzip
import json
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import yaml

from attune.events.v1.product_pb2 import AVAILABILITY_IN_STOCK, AVAILABILITY_OUT_OF_STOCK, Product
from attune.types.v1.types_pb2 import Money
from attune_evaluate.dataset import Act, Dataset, Question

_INVOICES = "online_retail_until_2011-08.csv.gz"
_ITEM = re.compile(r"^\d{5}[A-Za-z]{0,2}$")  # other codes are postage, fees and corrections


def online_retail(folder: Path) -> Dataset:
    """Sold items of known customers, in the order of time; a product is named as most of its invoices name it."""
    names: defaultdict[str, Counter[str]] = defaultdict(Counter)
    prices: defaultdict[str, list[float]] = defaultdict(list)
    acts = []
    for line in _invoices(folder / _INVOICES):
        code = line["StockCode"]
        names[code][line["Description"].strip()] += 1
        prices[code].append(float(line["UnitPrice"]))
        at = datetime.fromisoformat(line["InvoiceDate"]).replace(tzinfo=UTC)
        acts.append(Act(line["CustomerID"].removesuffix(".0"), code, int(at.timestamp() * 1000)))
    products = [
        Product(
            product_id=code,
            title={"en": said.most_common(1)[0][0].capitalize()},
            price=Money(currency="GBP", amount=f"{statistics.median(prices[code]):.2f}"),
        )
        for code, said in names.items()
    ]
    return Dataset("online_retail", products, sorted(acts, key=lambda act: act.at))


def demo_store(folder: Path) -> Dataset:
    """`products.yaml`; a category is `category/style`."""
    with (folder / "products.yaml").open(encoding="utf-8") as file:
        rows = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    products = [
        Product(
            product_id=row["id"],
            title={"en": row["name"]},
            description={"en": row["description"]},
            category=f"{row['category']}/{row['style']}",
            price=Money(currency="USD", amount=f"{float(row['price']):.2f}"),
            availability=AVAILABILITY_IN_STOCK if row["current_stock"] else AVAILABILITY_OUT_OF_STOCK,
        )
        for row in rows
    ]
    return Dataset("retail_demo_store", products)


def chinese_search(folder: Path) -> Dataset:
    """`corpus.tsv` and `queries_qrels.jsonl`."""
    rows = [line.split("\t", 1) for line in (folder / "corpus.tsv").read_text(encoding="utf-8").splitlines()]
    products = [Product(product_id=number, title={"zh": title[:500]}) for number, title in rows]
    lines = (folder / "queries_qrels.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line) for line in lines]
    questions = [Question(each["query"], frozenset(map(str, each["relevant"]))) for each in asked]
    return Dataset("zh_product_search", products, questions=questions)


def _invoices(file: Path) -> Iterator[dict[str, str]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in csv.DictReader(lines):
            sold = float(line["Quantity"]) > 0 and float(line["UnitPrice"]) > 0
            if sold and line["CustomerID"] and line["Description"].strip() and _ITEM.match(line["StockCode"]):
                yield line
