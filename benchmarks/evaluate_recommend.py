"""How good the offers are, with one set of defaults for every data set: the ladder from the article's base to all of f.

    python benchmarks/evaluate_recommend.py [--people 5000] [--quick]

Needs the development data (environment ATTUNE_DATA, or ../shared/data beside the checkout). So many people of each data
set are asked, chosen by a hash of their names; 0 asks everybody, --quick 300.
Prints what `attune evaluate recommend --offline` prints, and keeps it in evaluate_recommend.txt beside this script.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kept import keep, options

from attune_evaluate import telling
from attune_evaluate.protocols import Protocol, split
from attune_evaluate.readers.find import read
from attune_evaluate.recommending import Options, offline
from attune_evaluate.results import Board

DATA = Path(os.environ.get("ATTUNE_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
SOME, FEW = 5_000, 300
COLD = 0.1  # of the products: enough people look for one of them


@dataclass(frozen=True, slots=True)
class Run:
    """One table."""

    title: str
    folder: str
    protocol: Protocol
    links: bool = False
    cold: float = 0.0


RUNS = (
    Run("Beauty: titles, brands, categories", "amazon_beauty_kg", Protocol.P1),
    Run("Beauty: with links of a later crawl", "amazon_beauty_kg", Protocol.P1, links=True),
    Run("Beauty: statistics from all but the last product", "amazon_beauty_kg", Protocol.P2),
    Run("Office: titles, descriptions, brands", "amazon_office_unitok", Protocol.P1),
    Run("Online Retail: real times", "online_retail", Protocol.TIME),
    Run("Beauty: cold products, of which nothing is known", "amazon_beauty_kg", Protocol.P1, cold=COLD),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"ask {FEW} people of each data set")
    parser.add_argument("--people", type=int, default=SOME, help="of each data set; 0: everybody")
    options(parser)
    given = parser.parse_args()
    users = FEW if given.quick else given.people
    lines: list[str] = []
    for run in RUNS:
        for line in table(run, users):
            print(line, flush=True)
            lines.append(line)
    if lines and not given.no_keep:
        keep(__file__, lines)


def table(run: Run, users: int) -> Iterator[str]:
    folder = DATA / run.folder
    if not folder.exists():
        print(f"skipped: {folder} is not there; set ATTUNE_DATA to the folder that holds it")
        return
    data = read(folder, links=run.links)
    cut = split(data, run.protocol, users=users, cold=run.cold)
    board = asyncio.run(offline(data, cut, Options(), lambda *_: None))
    yield f"{run.title} ({data.name}, {len(data.products):,} products, {len(data.acts):,} events)"
    yield from telling.told(board)
    if run.cold:
        yield from cold(board)
    yield ""


def cold(board: Board) -> Iterator[str]:
    """Nothing that counts people can find a product without any: what it finds among all products is the measure."""
    default = next(row for row in board.rows if row.name == board.reference)
    yield f"R@10 of products nobody had dealt with: {default.recall[10].mean():.4f}; what counts people finds none"


if __name__ == "__main__":
    main()
