"""Writes the table of figures in README.md from the results that benchmarks keep, so that the two cannot disagree.

Usage: python docs/tools/figures.py
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- figures: written by `make reference` -->\n", "<!-- end of figures -->\n"


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: `found` is searched for in the kept result, and its groups fill `shown`."""

    what: str
    shown: str
    kept: str  # file in benchmarks, without .txt
    found: str
    script: str = ""  # where it is named otherwise

    def row(self) -> str:
        """As it stands in the table."""
        text = (ROOT / "benchmarks" / f"{self.kept}.txt").read_text(encoding="utf-8")
        match = re.search(self.found, text, re.DOTALL)
        if match is None:
            raise ValueError(f"benchmarks/{self.kept}.txt holds nothing like {self.found!r}, for the row {self.what!r}")
        return f"| {self.what} | {self.shown.format(*match.groups())} | `{self.script or self.kept}.py` |"


FIGURES = [
    Figure(
        "clicks folded into needs, real Kafka and Redis",
        "{0} events/s with one worker, {1} with two (a loop written by hand: {2})",
        "event_path",
        r"one worker +[\d,]+ +([\d,]+).*two workers +[\d,]+ +([\d,]+).*by hand[^\n]*? +[\d,]+ +([\d,]+)",
    ),
    Figure(
        "acknowledged by Kafka to readable at 200 events/s, real Kafka and Redis: need",
        "p50 {0} ms, p99 {1} ms",
        "freshness",
        r"200/s  GetNeed +\d+ +([\d.]+) +([\d.]+)",
    ),
    Figure(
        "the same: recommendation",
        "p50 {0} ms, p99 {1} ms",
        "freshness",
        r"200/s  Recommend +\d+ +([\d.]+) +([\d.]+)",
    ),
    Figure(
        "events under fire: services and engines killed and stopped while they flow",
        "{0} minutes at {1} events/s, {2} kills and {3} stops: {4}",
        "soak",
        r"(\d+) minutes at (\d+) events/s.*\nall +(\d+) +(\d+).*\n(all equal to the log)",
    ),
    Figure("Redis memory of a person with 20 behaviours, of 1,000,000", "{0} bytes", "memory", r"1,000,000 +([\d,]+)"),
    Figure(
        "StackFAQ, vectors + BM25, weights learned on other threads, hit@1",
        "{1} (BM25 {0})",
        "static_encoder",
        r"both +(0\.\d+)\n.*vectors \+ BM25, weights learned on other threads +(0\.\d+)",
    ),
    Figure(
        "next product of Amazon Beauty, P1, full ranking, NDCG@10",
        "{3}, {0} people asked (item-kNN {1}, the article's base {2})",
        "evaluate_recommend",
        r"the last product of ([\d,]+) of.*?item-kNN[^\n]*?(?: +0\.\d+){4} +(0\.\d+)"
        r".*?article:[^\n]*?(?: +0\.\d+){4} +(0\.\d+).*?default: all of f(?: +0\.\d+){4} +(0\.\d+)",
    ),
    Figure(
        "offers with rules, terms and reasons over gRPC, 100,000 products and 100,000 people, eight callers",
        "{1} requests/s (an echo of the same bytes: {0})",
        "recommend",
        r"\n100,000 products.*?bare echo, 8 callers +([\d,]+).*?closed loop, 8 callers +([\d,]+)",
    ),
    Figure(
        "the same at 100 requests/s, beside events and changes of the catalogue",
        "p50 {0} ms, p99 {1} ms",
        "recommend",
        r"\n100,000 products.*?open loop, 100/s, and the shop lives +\d+ +([\d.]+) +([\d.]+)",
    ),
    Figure(
        "the same, 1,000,000 products and people, eight callers, and at 50 requests/s",
        "{0} requests/s; p50 {1} ms, p99 {2} ms",
        "recommend_million",
        r"closed loop, 8 callers +([\d,]+).*?open loop, 50/s, and the shop lives +\d+ +([\d.]+) +([\d.]+)",
        "recommend",
    ),
    Figure(
        "searches of the same kind, 100,000 products, eight callers",
        "{0} requests/s (echo: {1})",
        "search",
        r"\n100,000 products.*?closed loop, 8 callers +([\d,]+).*?echo, closed loop, 8 callers +([\d,]+)",
    ),
    Figure(
        "a catalogue of 100,000 products over Kafka, into a recommender that is searched meanwhile",
        "{0} s; then a change is found after {1} ms (p50)",
        "catalogue",
        r"all can be had after +([\d.]+) s.*?a change is found +([\d.]+) ms",
    ),
    Figure(
        "Chinese product search, 116 judged queries, MRR@10",
        "{1} (BM25 {0})",
        "evaluate_search",
        r"zh_product_search.*?BM25 over names +[\d.]+ +([\d.]+).*?as it is served +[\d.]+ +([\d.]+)",
    ),
    Figure(
        "70 needs as customers say them, over 2,465 products, NDCG@10",
        "{1} (BM25 {0})",
        "evaluate_search",
        r"retail_demo_store.*?names and descriptions +([\d.]+).*?as it is served +([\d.]+)",
    ),
    Figure(
        "20,000 real purchases through the whole platform",
        "{0} events/s",
        "real_events",
        r"applied by all services +([\d,]+) events/s",
    ),
    Figure(
        "event to recommendation with 5,853 real products, 20 events/s",
        "p50 {0} ms, p99 {1} ms",
        "real_events",
        r"Recommend +([\d.]+) +([\d.]+)",
    ),
]


def table() -> str:
    """The rows as they should be."""
    return "".join([BEGIN, "| | | script |\n|---|---|---|\n", *(f"{figure.row()}\n" for figure in FIGURES), END])


def readme() -> str:
    """README.md with the table in it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    return before + table() + rest.split(END)[1]


if __name__ == "__main__":
    written = readme()
    (ROOT / "README.md").write_text(written, encoding="utf-8")
