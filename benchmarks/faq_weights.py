# ruff: noqa: SLF001 - it measures what the shelf adds up, before it is added up
"""The weights of g(q,a,r): chosen on public questions, and what they are worth on questions they were not chosen on.

    python benchmarks/faq_weights.py

Every setting of a grid is tried on the public tasks of faq.py; the best mean hit@1 wins. To see how much of a figure is
owed to having chosen on the same questions, each task is left out of the choice once. The demo shop never takes part
in the choice. Keeps its table in faq_weights.txt beside this script.
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

import numpy as np
from faq import Task, demo, filled, public
from numpy.typing import NDArray

from lm.lexical import words
from lm.protocols import Encoder
from lm.static import StaticEncoder
from qa.domain.score import Weights

HERE = Path(__file__).resolve().parent
NAMES = "cosine(q,a)  BM25(q,a)  λ·cosine(q,r)  λ·BM25(q,r)  λ·BM25(q,a+r)"
GRID = list(product([1.8], [0, 0.25, 0.5, 1, 1.5], [0.2, 0.4, 0.6, 0.9], [0, 0.3, 0.6], [0, 0.25, 0.5, 1, 2]))


class Measured:
    """Everything that g adds up, for every question of a task, so that a setting costs one sum."""

    def __init__(self, task: Task, encoder: Encoder) -> None:
        shelf = filled(task.entries, encoder, Weights())
        shelf._gather()
        phrasings, replies = [], []
        for (text, _), vector in zip(task.asked, encoder.encode([text for text, _ in task.asked]), strict=True):
            found = words(text)
            share = shelf._share
            phrasings.append((shelf._phrasings @ vector, share(shelf._questions, found, shelf._phrasing_ids)))
            replies.append(
                (
                    shelf._replies @ vector,
                    share(shelf._answers, found, shelf._ids),
                    share(shelf._both, found, shelf._ids),
                )
            )
        self._phrasings, self._first = _by_family(np.array(phrasings), shelf._family_of[shelf._owner])
        self._replies, self._first_reply = _by_family(np.array(replies), shelf._family_of)
        self._right = np.array([shelf._families.index(family) for _, family in task.asked])

    def hits(self, setting: tuple[float, ...]) -> float:
        """hit@1 of a setting."""
        asked = np.tensordot(self._phrasings, setting[:2], ([1], [0]))
        told = np.tensordot(self._replies, setting[2:], ([1], [0]))
        total = np.maximum.reduceat(asked, self._first, 1) + np.maximum.reduceat(told, self._first_reply, 1)
        return float((total.argmax(1) == self._right).mean())


def _by_family(
    values: NDArray[np.float64], family_of: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    order = np.argsort(family_of, kind="stable")
    return values[:, :, order], np.searchsorted(family_of[order], range(family_of.max() + 1))


def main() -> int:
    tasks = public()
    if not tasks:
        return 0
    encoder = StaticEncoder.load()
    demos = [Measured(demo(language), encoder) for language in ("en", "zh")]
    hits = np.array([[m.hits(s) for s in GRID] for m in (Measured(task, encoder) for task in tasks)])
    lines = [f"{len(GRID)} settings of {NAMES}", "", f"{'chosen without':<26}{'its hit@1':>10}   demo en, zh   setting"]
    for left, task in enumerate(tasks):
        best = int(np.delete(hits, left, axis=0).mean(axis=0).argmax())
        lines.append(row(task.name, f"{hits[left, best]:.3f}", demos, GRID[best]))
    best = int(hits.mean(axis=0).argmax())
    lines.append(row("none of the three", "/".join(f"{each:.3f}" for each in hits[:, best]), demos, GRID[best]))
    print(*lines, sep="\n")
    (HERE / "faq_weights.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


def row(name: str, own: str, demos: list[Measured], setting: tuple[float, ...]) -> str:
    there = "  ".join(f"{each.hits(setting):.3f}" for each in demos)
    return f"{name:<26}{own:>10}   {there}   {setting}"


if __name__ == "__main__":
    sys.exit(main())
