"""Reads texts with the language models, and remembers what was read lately."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from needs.domain.products import unit_words
from needs.domain.spectrum import Matrix, ReadText


class Encoder(Protocol):
    """Texts → unit vectors, (len(texts), dim)."""

    def encode(self, texts: Sequence[str]) -> Matrix: ...


class TextReader:
    """Vectors and words of texts.

    A need is read far more often than its texts change, so the last `capacity` readings are kept: about 2 KB each.
    """

    def __init__(self, encoder: Encoder, words: Callable[[str], Sequence[str]], *, capacity: int = 4096) -> None:
        self._encoder, self._words, self._capacity = encoder, words, capacity
        self._read: OrderedDict[str, ReadText] = OrderedDict()

    async def read(self, texts: Sequence[str]) -> list[ReadText]:
        """One reading per text. What is not remembered leaves the event loop, in one batch."""
        readings = {text: self._read[text] for text in texts if text in self._read}
        missing = [text for text in dict.fromkeys(texts) if text not in readings]
        if missing:
            vectors, words = await asyncio.to_thread(self._with_models, missing)
            readings |= {text: ReadText(*pair) for text, *pair in zip(missing, vectors, words, strict=True)}
        for text in texts:
            self._remember(text, readings[text])
        return [readings[text] for text in texts]

    def _with_models(self, texts: Sequence[str]) -> tuple[Matrix, list[tuple[tuple[str, float], ...]]]:
        return self._encoder.encode(texts), [unit_words(Counter(self._words(text))) for text in texts]

    def _remember(self, text: str, reading: ReadText) -> None:
        self._read[text] = reading
        self._read.move_to_end(text)
        if len(self._read) > self._capacity:
            self._read.popitem(last=False)
