"""Reads texts with the language models."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lm.protocols import Encoder, Matrix

_KEPT = 4_096  # texts: the same ones come again for each person; some 3 KB each with words and vector


class TextReader:
    """Vectors leave the event loop; words are quick. What was read last is not read again: a text stays what it is."""

    def __init__(self, encoder: Encoder, words: Callable[[str], Sequence[str]]) -> None:
        self._encoder = encoder
        self._vectors: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

        @lru_cache(maxsize=_KEPT)
        def counted(text: str) -> Mapping[str, float]:
            return {word: float(count) for word, count in Counter(words(text)).items()}

        self._counted = counted

    @property
    def space(self) -> str:
        return self._encoder.space

    async def vectors(self, texts: Sequence[str]) -> Matrix:
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        held = {text: self._vectors[text] for text in texts if text in self._vectors}
        if new:
            held |= zip(new, await asyncio.to_thread(self._encoder.encode, new), strict=True)
        for text, vector in held.items():
            self._vectors[text] = vector
            self._vectors.move_to_end(text)
        while len(self._vectors) > _KEPT:
            self._vectors.popitem(last=False)
        return np.stack([held[text] for text in texts])

    def words(self, text: str) -> Mapping[str, float]:
        return self._counted(text)
