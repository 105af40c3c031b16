"""Which form a folder has."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from attune_cli.failures import BadInput
from attune_evaluate.dataset import FILED, Dataset, Question
from attune_evaluate.readers import amazon, shops
from attune_evaluate.readers.own import own

KNOWN = (
    f"{FILED} with events.jsonl or queries.jsonl (docs/how-to/evaluate.md); sequences.tsv with items.tsv; "
    "Office_Products.item.json; online_retail_*.csv.gz; products.yaml; corpus.tsv with queries_qrels.jsonl"
)


def read(folder: Path, *, links: bool = False, questions: Path | None = None) -> Dataset:
    """The dataset of a folder, with other questions than its own where there are some.

    Raises BadInput where the files are not of a known form.
    """
    data = _read(folder, links=links)
    return data if questions is None else _with_questions(data, _asked(questions))


def _read(folder: Path, *, links: bool) -> Dataset:
    if (folder / FILED).exists():
        return own(folder)
    if (folder / "sequences.tsv").exists():
        return amazon.beauty(folder, links=links)
    if (folder / "Office_Products.item.json").exists():
        return amazon.office(folder)
    if next(folder.glob("online_retail_*.csv.gz"), None):
        return shops.online_retail(folder)
    if (folder / "products.yaml").exists():
        return shops.demo_store(folder)
    if (folder / "corpus.tsv").exists():
        return shops.chinese_search(folder)
    raise BadInput(f"{folder}: no data set of a known form is there; known are: {KNOWN}")


def _asked(file: Path) -> list[tuple[str, list[str]]]:
    """`query<TAB>relevant|relevant` lines, after a line that names the columns and those that begin with #."""
    with file.open(encoding="utf-8", newline="") as lines:
        kept = (line for line in lines if not line.startswith("#"))
        rows = list(csv.reader(kept, delimiter="\t", quoting=csv.QUOTE_NONE))
    if not rows or rows[0][:2] != ["query", "relevant"] or any(len(row) < len(rows[0]) for row in rows):
        raise BadInput(f"{file}: write lines of query<TAB>relevant|relevant below a line `query<TAB>relevant`")
    return [(row[0], row[1].split("|")) for row in rows[1:]]


def _with_questions(data: Dataset, asked: list[tuple[str, list[str]]]) -> Dataset:
    """What is relevant is named by product id, or by category for all of its products."""
    of: dict[str, set[str]] = {}
    for product in data.products:
        of.setdefault(product.product_id, set()).add(product.product_id)
        of.setdefault(product.category, set()).add(product.product_id)
    found = [Question(text, frozenset().union(*(of.get(name, ()) for name in named))) for text, named in asked]
    return replace(data, questions=[question for question in found if question.relevant])
