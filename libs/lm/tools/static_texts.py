"""What the teacher is asked to read: sentences of library docstrings, a shop's phrases, bags of random words."""

from __future__ import annotations

import ast
import re
import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_SENTENCE_END = re.compile(r"(?<=[.!?:])\s+|\n\s*\n|\n\s*[-*]\s+")
_PROSE = re.compile(r"[A-Z][A-Za-z ,;:'()\-0-9/]{24,240}[.?!]?")
_BIGGEST_FILE = 400_000  # bytes; above are generated tables


def docstring_sentences(roots: Iterable[Path], count: int, rng: np.random.Generator) -> list[str]:
    """`count` different English sentences out of the docstrings of the python files below `roots`, at random."""
    found = {sentence for root in roots for path in sorted(root.rglob("*.py")) for sentence in _sentences(path)}
    ordered = sorted(found)
    chosen = rng.permutation(len(ordered))[:count]
    return [ordered[i] for i in sorted(chosen)]


def _sentences(path: Path) -> Iterator[str]:
    if path.stat().st_size > _BIGGEST_FILE:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old escapes in other people's code
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for part in _SENTENCE_END.split(ast.get_docstring(node) or ""):
                sentence = " ".join(part.split())
                if _PROSE.fullmatch(sentence):
                    yield sentence


def random_bags(
    count: int, weights: np.ndarray[tuple[int], np.dtype[np.float64]], rng: np.random.Generator, *, longest: int = 12
) -> list[list[int]]:
    """`count` bags of 2 to `longest` pieces drawn by `weights` (one per piece, any scale); lengths are uniform."""
    chances = weights / weights.sum()
    lengths = rng.integers(2, longest + 1, count)
    drawn = rng.choice(len(weights), size=int(lengths.sum()), p=chances).tolist()
    ends = np.cumsum(lengths).tolist()
    return [drawn[end - length : end] for end, length in zip(ends, lengths.tolist(), strict=True)]


def joined_phrases(phrases: Sequence[str], count: int, rng: np.random.Generator, *, most: int = 5) -> list[str]:
    """Every phrase alone, then `count` texts of 2 to `most` of them in a row: what a shop's customers speak of."""
    lengths = rng.integers(2, most + 1, count).tolist()
    return [*phrases, *(" ".join(phrases[i] for i in rng.integers(0, len(phrases), n)) for n in lengths)]


def flatten(bags: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """All members in one list, and for each the number of its bag."""
    members = [member for bag in bags for member in bag]
    owners = [number for number, bag in enumerate(bags) for _ in bag]
    return members, owners
