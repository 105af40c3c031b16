"""Reads texts with the encoder."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from lm.protocols import Encoder, Matrix


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
