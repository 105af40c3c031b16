from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lm import lexicon
from lm.static import StaticEncoder
from lm.static import table as tables

LEXICON = {
    "取消": "cancel",
    "订单": "order",
    "取消订单": "cancel order",
    "T恤": "t shirt",
    "红色": "red",
    "蓝牙耳机": "bluetooth headphones",
}


@pytest.fixture(scope="module")
def encoder() -> StaticEncoder:
    return StaticEncoder(tables.load(), LEXICON)


@pytest.fixture(scope="module")
def packaged() -> StaticEncoder:
    return StaticEncoder.load()


def cosine(encoder: StaticEncoder, left: str, right: str) -> float:
    a, b = encoder.encode([left, right])
    return float(a @ b)


def test_the_packaged_encoder_names_its_space_and_dimension(packaged: StaticEncoder) -> None:
    assert packaged.space.startswith("static-en-zh-256@")
    assert packaged.dim == 256


@pytest.mark.parametrize("text", ["hello", "Where is my parcel?", "取消订单", "iPhone 15 红色 🎉", "naïve café"])
def test_a_text_with_a_known_word_has_a_vector_of_length_one(encoder: StaticEncoder, text: str) -> None:
    assert np.linalg.norm(encoder.encode([text])[0]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "text", ["", " \n\t", "🎉🔥", "\x00\x07\x1b", "?!…。，", "龘靐", "привет", "q" * 101, "\ud800"]
)
def test_a_text_without_a_known_word_is_the_zero_row(encoder: StaticEncoder, text: str) -> None:
    assert not encoder.encode([text]).any()


def test_no_texts_give_no_rows(encoder: StaticEncoder) -> None:
    assert encoder.encode([]).shape == (0, 256)


def test_an_empty_text_leaves_its_neighbours_alone(encoder: StaticEncoder) -> None:
    rows = encoder.encode(["", "red shoes", "", "", "cancel order", ""])
    assert rows.dtype == np.float32
    assert [bool(row.any()) for row in rows] == [False, True, False, False, True, False]
    assert np.array_equal(rows[[1, 4]], encoder.encode(["red shoes", "cancel order"]))


def test_a_text_has_the_same_row_alone_and_in_any_batch(encoder: StaticEncoder) -> None:
    texts = [f"order number {i} of {i % 7} blue cups, please 取消订单" for i in range(3_000)]
    together = encoder.encode(texts)
    for i in (0, 1, 1_500, 2_999):
        assert np.array_equal(encoder.encode([texts[i]])[0], together[i])


def test_two_encoders_of_one_table_agree_to_the_bit(encoder: StaticEncoder) -> None:
    texts = ["waterproof hiking boots", "蓝牙耳机", "T恤 red"]
    other = StaticEncoder(tables.load(), LEXICON)
    other.encode(["some other words met before, in another order"])
    assert np.array_equal(encoder.encode(texts), other.encode(texts))


def test_case_accents_width_and_invisible_characters_do_not_matter(encoder: StaticEncoder) -> None:
    plain, *others = encoder.encode(
        ["cafe latte", "CAFÉ Latte", "ｃａｆｅ　ｌａｔｔｅ", "ca\u200bfe lat\u00adte", "cafe\x00latte"]
    )
    for other in others:
        assert np.array_equal(plain, other)


def test_an_unseen_word_is_read_by_its_pieces(encoder: StaticEncoder) -> None:
    assert cosine(encoder, "waterproofing", "waterproof") > 0.5


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("Where is my parcel?", "When will my package be delivered?", "The dress is too small for me"),
        ("running shoes", "sneakers for jogging", "cast iron frying pan"),
        ("How do I get my money back?", "refund", "bluetooth speaker"),
        ("face cream for dry skin", "moisturizer", "garden hose"),
    ],
)
def test_similar_english_texts_are_closer_than_unrelated_ones(
    packaged: StaticEncoder, text: str, near: str, far: str
) -> None:
    assert cosine(packaged, text, near) > cosine(packaged, text, far) + 0.1


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("取消订单", "我不要这个订单了", "蓝牙耳机"),
        ("蓝牙耳机", "wireless headphones", "cancel my order"),
        ("how do I cancel an order", "怎么取消订单", "红色蓝牙耳机"),
        ("red T恤", "a shirt in red", "order cancelled"),
    ],
)
def test_chinese_stands_where_its_english_meaning_stands(
    encoder: StaticEncoder, text: str, near: str, far: str
) -> None:
    assert cosine(encoder, text, near) > cosine(encoder, text, far) + 0.1


def test_the_longest_entry_wins_and_counts_as_its_english_words(encoder: StaticEncoder) -> None:
    assert np.allclose(*encoder.encode(["我要取消订单啊", "cancel order"]), atol=1e-6)


def test_an_entry_with_a_latin_letter_is_found(encoder: StaticEncoder) -> None:
    assert np.allclose(*encoder.encode(["红色T恤", "red t shirt"]), atol=1e-6)


def test_chinese_outside_the_lexicon_adds_nothing(encoder: StaticEncoder) -> None:
    assert np.array_equal(*encoder.encode(["order 龘靐龘", "order"]))


def test_every_entry_of_the_packaged_lexicon_has_a_vector(packaged: StaticEncoder) -> None:
    entries = list(lexicon.load())
    silent = [entry for entry, row in zip(entries, packaged.encode(entries), strict=True) if not row.any()]
    assert silent == []


class CountedVocabulary(dict[str, int]):
    looked_up = 0

    def get(self, piece: str, default: int | None = None) -> int | None:  # type: ignore[override]
        self.looked_up += 1
        return super().get(piece, default)


@pytest.mark.parametrize("unit", ["x" * 99 + " ", "zq9", "取消龘", "a b c ", "ß\u0301", "\ufdfa"])
def test_a_giant_text_costs_no_more_than_its_beginning(unit: str) -> None:
    work = []
    for length in (10_000, 100_000):
        table = tables.load()
        counted = CountedVocabulary(table.vocabulary)
        counting = StaticEncoder(tables.Table(table.space, counted, table.rows, table.scales), LEXICON)
        counting.encode([(unit * length)[:length]])
        work.append(counted.looked_up)
    assert work[0] == work[1] < 500_000


def test_words_beyond_what_is_remembered_are_still_read(encoder: StaticEncoder) -> None:
    first = encoder.encode(["red cups"])
    encoder.encode([" ".join(f"w{i}" for i in range(start, start + 1_000)) for start in range(0, 40_000, 1_000)])
    assert np.array_equal(encoder.encode(["red cups"]), first)


def test_a_new_word_is_cut_into_pieces_once() -> None:
    table = tables.load()
    counted = CountedVocabulary(table.vocabulary)
    counting = StaticEncoder(tables.Table(table.space, counted, table.rows, table.scales), {})
    counting.encode(["unboxable widget"])
    before = counted.looked_up
    counting.encode(["widget widget unboxable"] * 100)
    assert counted.looked_up == before


def test_files_of_two_tables_are_refused(tmp_path: Path) -> None:
    vectors = np.eye(3, dtype=np.float32)
    tables.save(vectors, ["a", "b", "c"], {"space": "test@1"}, tmp_path)
    (tmp_path / "vocabulary.txt").write_text("a\nb\n", encoding="utf-8")
    with pytest.raises(ValueError, match="2 pieces, 3 rows, 3 scales"):
        tables.load(tmp_path)
