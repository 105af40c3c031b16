"""What learning the coefficients of f from a shop's own events gains, and what the gate says.

    python benchmarks/train_ranker.py [--quick]

Needs the development data (environment ATTUNE_DATA, or ../shared/data beside the checkout). Replays each shop, learns
from two thirds of the choices and judges by the last third, as `attune train ranker --dry-run` does; then lets the gate
judge random coefficients. --quick takes the smaller shop alone. Prints a table and keeps it in train_ranker.txt.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from pathlib import Path

import numpy as np
from kept import keep, options

from attune_evaluate.inprocess.house import House
from attune_evaluate.learning.choices import Choices, observed
from attune_evaluate.learning.fitting import Values, learned
from attune_evaluate.learning.gate import Verdict, enough, judged
from attune_evaluate.readers.find import read
from recommender.domain.score import Weights, coefficients

DATA = Path(os.environ.get("ATTUNE_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
SHOPS = ("amazon_office_unitok", "online_retail", "amazon_beauty_kg")
RANDOM = 20  # draws


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"only {SHOPS[0]}")
    options(parser)
    given = parser.parse_args()
    lines = [f"{'shop':<24}{'choices':>9}{'judged by':>11}{'before':>9}{'after':>9}{'surely better':>15}  the gate"]
    print(lines[0])
    for name in SHOPS[:1] if given.quick else SHOPS:
        if not (DATA / name).exists():
            print(f"skipped: {DATA / name} is not there; set ATTUNE_DATA to the folder that holds it")
            continue
        found = asyncio.run(choices(DATA / name))
        part = told(name, found)
        print(*part, sep="\n", flush=True)
        lines += part
    if len(lines) > 1 and not given.no_keep:
        keep(__file__, lines)


async def choices(folder: Path) -> Choices:
    data = read(folder)
    with tempfile.TemporaryDirectory() as files:
        house = House(Path(files), apart=False)
        await house.stock(data.products)
        found = enough(await observed(house, data, lambda *_: None))
        await house.close()
    return found


def told(name: str, found: Choices) -> list[str]:
    start = np.array([coefficients(Weights())[term] for term in found.terms])
    end = learned(found.earlier, start)
    passed = sum(judged(found.later, start, draw).passes for draw in random(len(start)))
    moved = ", ".join(f"{term} {a:.2f} → {b:.2f}" for term, a, b in zip(found.terms, start, end, strict=True) if a or b)
    return [
        row(name, len(found.earlier), judged(found.later, start, end)),
        f"  {moved}",
        f"  of {RANDOM} random sets of coefficients the gate let {passed} pass",
    ]


def random(terms: int) -> list[Values]:
    chance = np.random.default_rng(5)
    return [chance.random(terms) for _ in range(RANDOM)]


def row(name: str, earlier: int, verdict: Verdict) -> str:
    says = "published" if verdict.passes else "refused"
    figures = f"{verdict.before:>9.4f}{verdict.after:>9.4f}{verdict.sure:>15.1%}"
    return f"{name:<24}{earlier:>9,}{verdict.choices:>11,}{figures}  {says}"


if __name__ == "__main__":
    main()
