from __future__ import annotations

from pathlib import Path

import numpy as np

from lm.static import table as tables
from lm.static.wordpiece import pieces

VECTORS = (
    np.random.default_rng(7).normal(size=(50, 256)).astype(np.float32)
    * np.logspace(-3, 1, 50, dtype=np.float32)[:, None]
)


def test_int8_rows_keep_each_element_within_half_a_step() -> None:
    rows, scales = tables.quantise(VECTORS)
    restored = rows * scales[:, None].astype(np.float32)
    step = np.abs(VECTORS).max(axis=1, keepdims=True) / 127
    assert (np.abs(restored - VECTORS) <= 0.6 * step).all()


def test_int8_rows_keep_the_direction() -> None:
    rows, scales = tables.quantise(VECTORS)
    restored = rows * scales[:, None].astype(np.float32)
    cosines = (restored * VECTORS).sum(1) / np.linalg.norm(restored, axis=1) / np.linalg.norm(VECTORS, axis=1)
    assert cosines.min() > 0.9999


def test_a_row_of_zeros_stays_one() -> None:
    rows, scales = tables.quantise(np.zeros((2, 4), dtype=np.float32))
    assert not rows.any()
    assert not scales.any()


def test_a_saved_table_is_read_back(tmp_path: Path) -> None:
    vocabulary = [f"w{i}" for i in range(len(VECTORS))]
    tables.save(VECTORS, vocabulary, {"space": "test@1"}, tmp_path)
    table = tables.load(tmp_path)
    assert table.space == "test@1"
    assert list(table.vocabulary) == vocabulary
    assert np.allclose(table.vector([3, 5]), VECTORS[3] + VECTORS[5], atol=0.02)


def test_the_packaged_table_is_small_and_stays_on_disk() -> None:
    table = tables.load()
    assert isinstance(table.rows.base, np.memmap)
    assert sum(path.stat().st_size for path in tables.PACKAGED.iterdir()) < 8_500_000


def test_a_word_of_the_vocabulary_is_one_piece() -> None:
    assert pieces("order", {"or": 0, "order": 1, "##der": 2}) == [1]


def test_other_words_are_cut_at_the_longest_beginning() -> None:
    assert pieces("orders", {"o": 0, "or": 1, "order": 2, "##s": 3, "##ders": 4}) == [2, 3]


def test_a_word_with_an_unknown_part_is_unknown() -> None:
    assert pieces("order9", {"order": 2, "##s": 3}) == []


def test_a_word_too_long_to_be_one_is_not_searched() -> None:
    vocabulary = {"a": 0, "##a": 1}
    assert len(pieces("a" * 100, vocabulary)) == 100
    assert pieces("a" * 101, vocabulary) == []
