from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lm.lexical import Bm25, SparseVector, document, index, query, weights, words

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = ["不锈钢保温杯 500ml", "硅胶杯垫 防滑", "steel bottle 500 ml", "red shoes for running", "杯子 杯子 杯子 cup"]


def places(vector: SparseVector) -> dict[int, float]:
    return dict(zip(vector.indices.tolist(), vector.values.tolist(), strict=True))


@pytest.mark.parametrize("make", [document, query])
def test_indices_are_ascending_and_distinct(make: Callable[[str], SparseVector]) -> None:
    vector = make("red red red shoes 保温杯 XPS-13")
    assert vector.indices.dtype == np.uint32
    assert vector.values.dtype == np.float32
    assert np.all(np.diff(vector.indices.astype(np.int64)) > 0)
    assert vector.indices.shape == vector.values.shape == (len(set(words("red shoes 保温杯 XPS-13"))),)


@pytest.mark.parametrize("make", [document, query])
@pytest.mark.parametrize("text", ["", "😀", "\x00", "…"])
def test_a_text_without_words_is_the_empty_vector(make: Callable[[str], SparseVector], text: str) -> None:
    assert len(make(text).indices) == len(make(text).values) == 0


def test_the_place_of_a_word_never_changes() -> None:
    assert index("return") == 2_812_165_903
    assert index("退货") == 3_017_552_303


def test_a_repeated_word_counts_more_but_ever_less() -> None:
    once, twice, often = (places(document(" ".join(["cup"] * n), average=1e9))[index("cup")] for n in (1, 2, 50))
    assert 0 < twice - once < once
    assert often < 2.2 / 0.25  # its limit for a text of no length


def test_words_with_their_weights_are_what_the_vector_says() -> None:
    for text in TEXTS:
        named = {index(word): weight for word, weight in weights(text).items()}
        assert named == pytest.approx(places(document(text)))
        assert list(weights(text)) == list(dict.fromkeys(words(text)))


def test_every_word_of_a_query_counts_once() -> None:
    assert set(query("cup cup 杯").values.tolist()) == {1.0}


def test_the_dot_product_weighted_by_idf_is_bm25() -> None:
    bm25 = Bm25[int]()
    for number, text in enumerate(TEXTS):
        bm25.add(number, words(text))
    average = sum(len(words(text)) for text in TEXTS) / len(TEXTS)
    asked = "500ml 保温杯 cup shoes"
    idf = {index(word): bm25.idf(word) for word in words(asked)}
    dots = [
        sum(idf[place] * value for place, value in places(document(text, average=average)).items() if place in idf)
        for text in TEXTS
    ]
    assert dots == pytest.approx(bm25.score(words(asked), range(len(TEXTS))).tolist(), rel=1e-6)


def test_a_giant_text_is_bounded_work() -> None:
    assert len(document("保温杯" * 40_000).indices) < 10
