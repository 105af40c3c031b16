"""Reading words with the models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from lm import lexical
from lm.static import StaticEncoder
from needs.texts import TextReader


class Counting:
    """An encoder that tells how many texts it was given."""

    def __init__(self) -> None:
        self.texts = 0

    def encode(self, texts: Sequence[str]) -> Any:
        self.texts += len(texts)
        return np.ones((len(texts), 4), dtype=np.float32) / 2


async def test_a_text_is_read_once_however_often_the_need_is_asked_for() -> None:
    encoder = Counting()
    reader = TextReader(encoder, str.split)
    await reader.read(["red kettle", "tea", "tea"])
    await reader.read(["tea", "red kettle"])
    assert encoder.texts == 2


async def test_what_was_not_read_lately_is_forgotten() -> None:
    encoder = Counting()
    reader = TextReader(encoder, str.split, capacity=2)
    await reader.read(["a", "b", "c"])
    await reader.read(["a"])
    assert encoder.texts == 4


async def test_both_languages_mean_the_same_to_the_shipped_encoder() -> None:
    reader = TextReader(StaticEncoder.load(), lexical.words)
    green_tea, chinese, shoes = await reader.read(["green tea", "绿茶", "running shoes"])
    assert green_tea.vector @ chinese.vector > 0.9
    assert green_tea.vector @ shoes.vector < 0.5
    assert sum(weight**2 for _, weight in chinese.words) == pytest.approx(1)
