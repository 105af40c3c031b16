"""The table on disk: one int8 row per piece of the vocabulary, mapped into memory and shared between processes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

PACKAGED = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Table:
    """Piece i has the vector `rows[i] * scales[i]`; how much a piece counts in a text is in its length."""

    space: str  # model@revision
    vocabulary: Mapping[str, int]  # piece → row; pieces inside a word carry the mark ##
    rows: NDArray[np.int8]  # (n, dim)
    scales: NDArray[np.float16]  # (n,)

    def vector(self, rows: list[int]) -> NDArray[np.float32]:
        """Sum of these pieces, (dim,), not normalised."""
        scales = self.scales[rows].astype(np.float32)
        return scales @ self.rows[rows].astype(np.float32)


def quantise(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """(n, dim) float rows → int8 rows and a scale for each: an element is off by about half a scale at most."""
    scales = (np.abs(vectors).max(axis=1) / 127).astype(np.float16)
    divisors = np.where(scales > 0, scales, 1).astype(np.float32)[:, None]
    return np.clip(np.rint(vectors / divisors), -127, 127).astype(np.int8), scales


def load(folder: Path = PACKAGED) -> Table:
    """The table in `folder`; its rows stay on disk until they are looked up."""
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    vocabulary = (folder / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
    table = Table(
        space=about["space"],
        vocabulary={piece: row for row, piece in enumerate(vocabulary)},
        rows=np.asarray(np.load(folder / "rows.npy", mmap_mode="r")),  # still mapped, without the cost of the subclass
        scales=np.load(folder / "scales.npy"),
    )
    if not len(table.vocabulary) == len(table.rows) == len(table.scales):
        found = f"{len(table.vocabulary)} pieces, {len(table.rows)} rows, {len(table.scales)} scales"
        raise ValueError(f"{folder}: files of different tables ({found}); build them again")
    return table


def save(vectors: NDArray[np.float32], vocabulary: list[str], about: Mapping[str, object], folder: Path) -> None:
    """Write the four files `load` reads. `about` needs `space`."""
    rows, scales = quantise(vectors)
    np.save(folder / "rows.npy", rows)
    np.save(folder / "scales.npy", scales)
    (folder / "vocabulary.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    (folder / "about.json").write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


@cache
def common(folder: Path = PACKAGED) -> frozenset[str]:
    """The whole words of the vocabulary: whatever encoder is at work, these are English and no slips of the keys."""
    pieces = (folder / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(piece for piece in pieces if not piece.startswith("##"))
