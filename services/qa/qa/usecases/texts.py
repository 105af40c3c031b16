"""Reads texts with the encoder."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

import numpy as np

from lm.protocols import Encoder, Matrix
from qa.domain.knowledge import Entry


class Texts:
    """Reads texts with the encoder, off the event loop when there are many."""

    _HERE = 8  # texts that are read faster than a thread is woken

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.space, self.dim = encoder.space, encoder.dim
        self._quick = encoder.space.startswith("static")

    async def read(self, texts: Sequence[str]) -> Matrix:
        """Unit rows, (len(texts), dim)."""
        if self._quick and len(texts) <= self._HERE:
            return self._encoder.encode(texts)
        return await asyncio.to_thread(self._encoder.encode, texts)

    async def of_entries(self, entries: Sequence[Entry]) -> list[tuple[Entry, Matrix]]:
        """Each with the unit rows of its texts, (texts, dim)."""
        texts = [text for entry in entries for text in entry.texts]
        vectors = await self.read(texts) if texts else np.zeros((0, self.dim), dtype=np.float32)
        ends = list(itertools.accumulate(len(entry.texts) for entry in entries))
        return [(entry, vectors[end - len(entry.texts) : end]) for entry, end in zip(entries, ends, strict=True)]
