"""Reads texts with the language models."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from lm.protocols import Encoder, Matrix


class TextReader:
    """Vectors leave the event loop; words are quick."""

    def __init__(self, encoder: Encoder, words: Callable[[str], Sequence[str]]) -> None:
        self._encoder, self._words = encoder, words

    @property
    def space(self) -> str:
        return self._encoder.space

    async def vectors(self, texts: Sequence[str]) -> Matrix:
        return await asyncio.to_thread(self._encoder.encode, texts)

    def words(self, text: str) -> Mapping[str, float]:
        return {word: float(count) for word, count in Counter(self._words(text)).items()}
