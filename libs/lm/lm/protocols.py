"""What a language model can do for a service, and nothing about which one it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]  # (dim,)
Matrix = NDArray[np.float32]  # (n, dim)


class Encoder(Protocol):
    """Texts → unit vectors of one named space."""

    @property
    def space(self) -> str:
        """`model@revision`. Vectors of two spaces are never compared."""

    @property
    def dim(self) -> int: ...

    def encode(self, texts: Sequence[str]) -> Matrix:
        """One unit row per text, (len(texts), dim); a text without a known word is the zero row, never NaN."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked of a generator."""

    task: str  # which family of templates may answer, such as `recommend`
    language: str  # BCP 47
    instruction: str  # for engines that read words
    facts: Mapping[str, str] = field(default_factory=dict)  # all that may be stated, by name
    max_chars: int = 0  # 0: no limit


@dataclass(frozen=True, slots=True)
class Candidate:
    """One generated text."""

    text: str
    log_prob: float | None = None  # sum over tokens of log P(token | before); None: the engine does not say
    tokens: int | None = None  # how many tokens log_prob is a sum over


class Generator(Protocol):
    """Prompt → candidates."""

    @property
    def name(self) -> str:
        """What made the text, for the reply: such as `template` or `openai:qwen`."""

    async def generate(self, prompt: Prompt, *, n: int, seed: int) -> list[Candidate]:
        """Up to n different texts, best first. Raises GenerationFailed when the engine is away or refuses."""


class GenerationFailed(Exception):
    """The engine gave no text; the message says which engine and why."""
