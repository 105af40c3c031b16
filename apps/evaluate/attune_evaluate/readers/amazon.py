"""Amazon Beauty with titles, brands, categories, and links of a later crawl; Amazon Office with descriptions."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from pathlib import Path

from attune.events.v1.product_pb2 import Product, Relation
from attune_evaluate.dataset import Dataset, of_sequences

_MOST_LINKS = 64  # that the contract takes
_LINKS = {"bought_together": 1.0, "also_bought": 0.5, "also_viewed": 0.25}  # the stronger statements first
_LONGEST = 500, 8_000, 128  # characters of title, description and facet that the contract takes


def beauty(folder: Path, *, links: bool) -> Dataset:
    """`sequences.tsv`, `items.tsv` and, when wanted, `kg_triples.tsv.gz`."""
    with (folder / "items.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    related = _links(folder / "kg_triples.tsv.gz", {row["asin"] for row in rows}) if links else {}
    products = [
        Product(
            product_id=row["asin"],
            title={"en": (row["title"] or row["asin"])[: _LONGEST[0]]},
            category=_category(row["categories"]),
            brand=row["brand"][: _LONGEST[2]],
            relations=related.get(row["asin"], []),
        )
        for row in rows
    ]
    lines = (folder / "sequences.tsv").read_text(encoding="utf-8").splitlines()
    sequences = {user: bought.split() for user, _, bought in (line.partition("\t") for line in lines)}
    about = {"links": "of the crawl that came after the sequences" if links else "none"}
    return Dataset("amazon_beauty_kg", products, of_sequences(sequences), timed=False, about=about)


def office(folder: Path) -> Dataset:
    """`Office_Products.item.json` and `Office_Products.inter.json`."""
    items = json.loads((folder / "Office_Products.item.json").read_text(encoding="utf-8"))
    products = [
        Product(
            product_id=number,
            title={"en": (item["title"].strip() or number)[: _LONGEST[0]]},
            description={"en": item["description"][: _LONGEST[1]]},
            brand=item["brand"][: _LONGEST[2]],
        )
        for number, item in items.items()
    ]
    read = json.loads((folder / "Office_Products.inter.json").read_text(encoding="utf-8"))
    sequences = {user: [str(number) for number in bought] for user, bought in read.items()}
    return Dataset("amazon_office_unitok", products, of_sequences(sequences), timed=False)


def _category(path: str) -> str:
    """`Beauty|Makeup|Face` → `Makeup/Face`: what all have in common says nothing."""
    parts = [part.replace("/", " ") for part in path.split("|") if part]
    return "/".join(parts[1:] if len(parts) > 1 else parts)[: _LONGEST[2]]


def _links(file: Path, known: set[str]) -> dict[str, list[Relation]]:
    found: defaultdict[str, dict[str, Relation]] = defaultdict(dict)
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        triples = [line.rstrip("\n").split("\t") for line in lines]
    for kind, weight in _LINKS.items():
        for head, relation, tail in triples:
            if relation == kind and head in known and tail in known and head != tail:
                found[head].setdefault(tail, Relation(kind=kind, product_id=tail, weight=weight))
    return {head: list(links.values())[:_MOST_LINKS] for head, links in found.items()}
