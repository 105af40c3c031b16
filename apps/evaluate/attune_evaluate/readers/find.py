"""Which form a folder has."""

from __future__ import annotations

import csv
from pathlib import Path

from attune_cli.failures import BadInput
from attune_evaluate.dataset import FILED, Dataset
from attune_evaluate.readers import amazon, shops
from attune_evaluate.readers.own import own

KNOWN = (
    f"{FILED} with events.jsonl or queries.jsonl (docs/how-to/evaluate.md); sequences.tsv with items.tsv; "
    "Office_Products.item.json; online_retail_*.csv.gz; products.yaml; corpus.tsv with queries_qrels.jsonl"
)


def read(folder: Path, *, links: bool = False, questions: Path | None = None) -> Dataset:
    """The dataset of a folder; raises BadInput where its files are not of a known form."""
    if (folder / FILED).exists():
        return own(folder)
    if (folder / "sequences.tsv").exists():
        return amazon.beauty(folder, links=links)
    if (folder / "Office_Products.item.json").exists():
        return amazon.office(folder)
    if next(folder.glob("online_retail_*.csv.gz"), None):
        return shops.online_retail(folder)
    if (folder / "products.yaml").exists():
        return shops.demo_store(folder, _asked(questions))
    if (folder / "corpus.tsv").exists():
        return shops.chinese_search(folder)
    raise BadInput(f"{folder}: no data set of a known form is there; known are: {KNOWN}")


def _asked(file: Path | None) -> list[tuple[str, str]]:
    """`query<TAB>category/style|category/style` lines, without the first one, which names the columns."""
    if file is None:
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [(row[0], row[1]) for row in rows[1:] if len(row) > 1]
