"""BM25 over our words: Chinese product search and English questions, quality and speed.

    python benchmarks/lexical.py

Needs the development data (environment ATTUNE_DATA, or ../shared/data beside the checkout). Prints a table and keeps
it in lexical.txt beside this script.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from lm.lexical import Bm25, document, query, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("ATTUNE_DATA", HERE.parents[1] / "shared" / "data"))
Text = TypeVar("Text")
Result = TypeVar("Result")


def main() -> int:
    needed = [DATA / "zh_product_search" / "corpus.tsv", DATA / "stackfaq" / "stackfaq.jsonl"]
    if absent := [str(path) for path in needed if not path.exists()]:
        print(f"skipped: {', '.join(absent)} not there; set ATTUNE_DATA to the folder that holds them")
        return 0
    lines = [*chinese_search(), "", *english_questions(), "", *speed()]
    print(*lines, sep="\n")
    (HERE / "lexical.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


def titles() -> list[str]:
    rows = (DATA / "zh_product_search" / "corpus.tsv").read_text(encoding="utf-8").splitlines()
    return [row.partition("\t")[2] for row in rows]


def searches() -> list[tuple[str, set[int]]]:
    rows = (DATA / "zh_product_search" / "queries_qrels.jsonl").read_text(encoding="utf-8").splitlines()
    return [(row["query"], set(row["relevant"])) for row in map(json.loads, rows)]


def without_long_words(text: str) -> list[str]:
    """What is left when jieba is not asked: characters 1 + 2 and everything that is not Chinese."""
    return [word for word in words(text) if len(word) < 3 or word[0].isascii()]  # noqa: PLR2004 (jieba's share)


def filled(texts: Iterable[Text], cut: Callable[[Text], list[str]]) -> Bm25[int]:
    index = Bm25[int]()
    for number, text in enumerate(texts):
        index.add(number, cut(text))
    return index


def without(index: Bm25[int], numbers: Iterable[int]) -> Bm25[int]:
    for number in numbers:
        index.remove(number)
    return index


def chinese_search() -> list[str]:
    corpus, asked = titles(), searches()
    lines = [f"Chinese product search, {len(corpus):,} titles, {len(asked)} queries      MRR@10    P@1"]
    for name, cut in (("characters 1 + 2", without_long_words), ("characters 1 + 2, longer jieba words", words)):
        index = filled(corpus, cut)
        ranks = [[found for found, _ in index.search(cut(text), 10)] for text, _ in asked]
        lines.append(row(name, ranks, asked))
    ranks = [best(scores) for scores in sparse_scores(corpus, [text for text, _ in asked])]
    lines.append(row("the same as sparse vectors, store's IDF", ranks, asked))
    return lines


def row(name: str, ranks: list[list[int]], asked: list[tuple[str, set[int]]]) -> str:
    places = [
        next((place for place, found in enumerate(ranking, start=1) if found in relevant), None)
        for ranking, (_, relevant) in zip(ranks, asked, strict=True)
    ]
    reciprocal = sum(1 / place for place in places if place) / len(asked)
    return f"  {name:<52}{reciprocal:>8.3f}{places.count(1) / len(asked):>8.3f}"


def best(scores: NDArray[np.float64]) -> list[int]:
    return [int(found) for found in np.argsort(-scores, kind="stable")[:10] if scores[found] > 0]


def sparse_scores(corpus: list[str], texts: list[str]) -> list[NDArray[np.float64]]:
    """What a store with the IDF modifier computes: the dot product with each query weight times IDF."""
    postings: dict[int, list[tuple[int, float]]] = {}
    for number, text in enumerate(corpus):
        vector = document(text)
        for place, value in zip(vector.indices.tolist(), vector.values.tolist(), strict=True):
            postings.setdefault(place, []).append((number, value))
    results = []
    for text in texts:
        scores = np.zeros(len(corpus))
        for place in query(text).indices.tolist():
            having = postings.get(place, [])
            idf = np.log1p((len(corpus) - len(having) + 0.5) / (len(having) + 0.5))
            for number, value in having:
                scores[number] += idf * value
        results.append(scores)
    return results


def english_questions() -> list[str]:
    rows = (DATA / "stackfaq" / "stackfaq.jsonl").read_text(encoding="utf-8").splitlines()
    threads = [json.loads(line) for line in rows]
    pairs = [(number, t["question"], a or "") for number, t in enumerate(threads) for a in t["answers"]]
    asked = [(p, number) for number, t in enumerate(threads) for p in t["paraphrases"] if p and p.strip() != "*"]
    everyone = list(range(len(pairs)))
    fields = {
        "question": filled((q for _, q, _ in pairs), words),
        "answer": filled((a for _, _, a in pairs), words),
        "both": filled((f"{q} {a}" for _, q, a in pairs), words),
    }
    scores = {name: np.stack([index.score(words(p), everyone) for p, _ in asked]) for name, index in fields.items()}
    lines = [f"StackFAQ, {len(threads)} threads, {len(pairs)} pairs, {len(asked)} paraphrases          hit@1"]
    for name, weights in (
        ("question", {"question": 1.0}),
        ("question + .7 answer", {"question": 1.0, "answer": 0.7}),
        ("question + .7 answer + both", {"question": 1.0, "answer": 0.7, "both": 1.0}),
    ):
        total = np.sum([weight * scores[field] for field, weight in weights.items()], axis=0)
        hits = [pairs[int(np.argmax(line))][0] == thread for line, (_, thread) in zip(total, asked, strict=True)]
        lines.append(f"  {name:<52}{np.mean(hits):>8.3f}")
    return lines


def speed() -> list[str]:
    corpus, asked = titles(), [text for text, _ in searches()]
    words(corpus[0])  # opens jieba's dictionary
    many = [corpus[number % len(corpus)] + f" {number}" for number in range(100_000)]
    cutting, cut = timed(lambda: [words(text) for text in many])
    entering, index = timed(lambda: filled(range(len(cut)), cut.__getitem__))
    searching, _ = timed(lambda: [index.search(words(text), 10) for text in asked])
    leaving, _ = timed(lambda: without(index, range(0, len(many), 10)))
    vectors, _ = timed(lambda: [document(text) for text in corpus])
    return [
        f"Speed, 100,000 Chinese titles of {np.mean([len(found) for found in cut]):.0f} words, one core",
        f"  words           {len(many) / cutting:>10,.0f} texts/s",
        f"  document        {len(corpus) / vectors:>10,.0f} texts/s",
        f"  Bm25.add        {len(many) / entering:>10,.0f} entries/s",
        f"  Bm25.search     {searching / len(asked) * 1e3:>10.2f} ms",
        f"  Bm25.remove     {leaving / (len(many) / 10) * 1e6:>10.0f} µs",
    ]


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


if __name__ == "__main__":
    sys.exit(main())
