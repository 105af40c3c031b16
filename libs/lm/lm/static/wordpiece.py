"""A word → the rows of its pieces: greedy longest match from the left, as BERT's vocabularies expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_WORD = 100  # letters; longer ones are unknown, as in BERT, so that the search stays bounded


def pieces(word: str, vocabulary: Mapping[str, int]) -> list[int]:
    """Rows of `word`, its later pieces looked up with the mark ##; empty when any part of it is unknown."""
    whole = vocabulary.get(word)
    if whole is not None:
        return [whole]
    if len(word) > LONGEST_WORD:
        return []
    rows: list[int] = []
    start = 0
    while start < len(word):
        mark = "##" if start else ""
        for end in range(len(word), start, -1):
            row = vocabulary.get(mark + word[start:end])
            if row is not None:
                rows.append(row)
                start = end
                break
        else:
            return []
    return rows
