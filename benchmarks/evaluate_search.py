"""How good searches are, beside BM25 and each half of the hybrid alone.

    python benchmarks/evaluate_search.py [--quick]

Needs the development data (environment ATTUNE_DATA, or ../shared/data beside the checkout). Beside this script stand
needs as customers say them, need_queries.tsv, and the Chinese questions in English, english_queries.txt. --quick asks
30 questions of each. Prints what `attune evaluate search` prints, and keeps it in evaluate_search.txt.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from dataclasses import replace
from pathlib import Path

from kept import keep, options

from attune_evaluate import searching
from attune_evaluate.dataset import Dataset
from attune_evaluate.readers.find import read

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("ATTUNE_DATA") or HERE.parents[1] / "shared" / "data")
RUNS = (("zh_product_search", None), ("retail_demo_store", HERE / "need_queries.tsv"))
ENGLISH = "english_queries.txt"  # the Chinese questions asked in English
FEW = 30


def in_english(data: Dataset) -> Dataset:
    """The same questions and answers in English words; titles stay in Chinese."""
    lines = (HERE / ENGLISH).read_text(encoding="utf-8").splitlines()
    words = [line for line in lines if not line.startswith("#")]
    asked = [question._replace(text=text) for question, text in zip(data.questions, words, strict=True)]
    return replace(data, name=f"{data.name}, asked in English", questions=asked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"ask {FEW} questions of each data set")
    options(parser)
    given = parser.parse_args()
    lines: list[str] = []
    for name, questions in RUNS:
        if not (DATA / name).exists():
            print(f"skipped: {DATA / name} is not there; set ATTUNE_DATA to the folder that holds it")
            continue
        data = read(DATA / name, questions=questions)
        data = replace(data, questions=data.questions[:FEW]) if given.quick else data
        found = asyncio.run(searching.offline(data, lambda *_: None))
        lines += [*searching.told(data, found), ""]
        print(*lines[-len(found) - 3 :], sep="\n")
    if (DATA / RUNS[0][0]).exists():
        data = in_english(read(DATA / RUNS[0][0]))
        data = replace(data, questions=data.questions[:FEW]) if given.quick else data
        found = asyncio.run(searching.offline(data, lambda *_: None))
        lines += [*searching.told(data, found), ""]
        print(*lines[-len(found) - 3 :], sep="\n")
    if lines and not given.no_keep:
        keep(__file__, lines)


if __name__ == "__main__":
    main()
