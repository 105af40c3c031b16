"""What follows from a row when it is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from needs.domain.fold import fold
from needs.domain.need import Mode, need
from needs.domain.spectrum import ReadText
from needs.domain.state import RING
from needs.domain.weights import Kind, Recency, TextKind
from needs.domain.words import KEPT, Text, Words

RECENCY = Recency()
DAY = 86_400_000


@pytest.fixture
def needed(table: Any, behaviors: Any, empty: Any) -> Any:
    def ask(done: list[Any], *, said: list[tuple[Text, ReadText]] | None = None, mode: Mode = Mode.WEIGHTED) -> Any:
        rows = empty(1)
        fold(rows, behaviors(done), table, RECENCY)
        given = said or []
        words = Words(tuple(text for text, _ in given), len(given))
        return need(rows[0], words, [read for _, read in given], table, RECENCY, mode)

    return ask


def search(words: str, at: int, *vector: float) -> tuple[Text, ReadText]:
    full = np.zeros(8, dtype=np.float32)
    full[: len(vector)] = vector
    return Text(words, TextKind.SEARCH, at, 1.0, at, "en"), ReadText(full, ((words, 1.0),))


def like(need_: Any, table: Any, product: str) -> float:
    return float(need_.vector @ table.get("shop", product).vector)


def test_nothing_done_is_an_unknown_need_without_a_vector(needed: Any) -> None:
    found = needed([])
    assert (found.known, found.vector, list(found.spectrum), found.behaviors, found.last_at) == (False, None, [], 0, 0)


def test_the_article_means_the_plain_mean(needed: Any, table: Any) -> None:
    found = needed([(0, 1, Kind.VIEW, 1_000), (0, 2, Kind.PURCHASE, 9 * DAY)], mode=Mode.ARTICLE)
    mean = table.get("shop", "p1").vector + table.get("shop", "p2").vector
    np.testing.assert_allclose(found.vector, mean / np.linalg.norm(mean), atol=1e-6)


def test_a_purchase_says_more_than_a_view(needed: Any, table: Any) -> None:
    found = needed([(0, 1, Kind.PURCHASE, 1_000), (0, 2, Kind.VIEW, 1_001)])
    assert like(found, table, "p1") > like(found, table, "p2")


def test_what_is_new_says_more_than_what_is_old(needed: Any, table: Any) -> None:
    found = needed([(0, 1, Kind.LIKE, 1_000), (0, 2, Kind.LIKE, 30 * DAY)])
    assert like(found, table, "p2") > like(found, table, "p1")


def test_the_lines_of_an_order_count_alike_and_make_older_things_old_once(needed: Any) -> None:
    order = [(0, i, Kind.PURCHASE, 1_001, f"line {i}") for i in range(2, 7)]
    weights = [b.weight for b in needed([(0, 1, Kind.PURCHASE, 1_000), *order]).spectrum]
    assert weights == pytest.approx([2.0] * 5 + [2.0 * 0.5])


def test_a_dislike_leads_away(needed: Any, table: Any) -> None:
    assert like(needed([(0, 1, Kind.DISLIKE, 1_000)]), table, "p1") == pytest.approx(-1)


def test_what_was_taken_out_of_the_cart_is_sought_less_than_what_stays_and_alone_leads_away(
    needed: Any, table: Any
) -> None:
    filled = [(0, 1, Kind.ADD_TO_CART, 1_000), (0, 2, Kind.ADD_TO_CART, 1_001)]
    found = needed([*filled, (0, 2, Kind.REMOVE_FROM_CART, 1_002)])
    assert like(found, table, "p1") > like(found, table, "p2")
    assert like(needed(filled), table, "p2") > like(found, table, "p2")
    assert like(needed([(0, 1, Kind.REMOVE_FROM_CART, 1_000)]), table, "p1") == pytest.approx(-1)


def test_five_stars_draw_and_one_star_repels(needed: Any, table: Any) -> None:
    assert like(needed([(0, 1, Kind.RATE, 1_000, "e", 5.0)]), table, "p1") == pytest.approx(1)
    assert like(needed([(0, 1, Kind.RATE, 1_000, "e", 1.0)]), table, "p1") == pytest.approx(-1)


def test_three_stars_alone_are_known_and_lead_nowhere(needed: Any) -> None:
    found = needed([(0, 1, Kind.RATE, 1_000, "e", 3.0)])
    assert (found.known, found.vector) == (True, None)


def test_yes_and_no_to_the_same_product_lead_nowhere(needed: Any) -> None:
    even = needed([(0, 1, Kind.RATE, 1_000, "a", 5.0), (0, 1, Kind.RATE, 1_000, "b", 1.0)], mode=Mode.ARTICLE)
    assert even.vector is not None  # the article counts behaviours and knows no dislike


def test_the_tail_still_counts(needed: Any, table: Any) -> None:
    long_ago = [(0, 1, Kind.PURCHASE, 1_000 + i) for i in range(40)]
    lately = [(0, 2, Kind.VIEW, 2_000 + i) for i in range(RING)]
    with_tail, without = needed(long_ago + lately), needed(lately)
    assert like(with_tail, table, "p1") > like(without, table, "p1")


def test_words_move_the_need(needed: Any) -> None:
    found = needed([(0, 1, Kind.VIEW, 1_000)], said=[search("kettle", 2_000, 0, 1)])
    assert found.vector[1] > 0.8
    assert found.words[0] == ("kettle", pytest.approx(1.0))
    assert (found.spectrum[0].text, found.spectrum[0].kind, found.spectrum[1].product_id) == ("kettle", 0, "p1")


def test_words_that_no_model_knows_are_kept_and_lead_nowhere(needed: Any) -> None:
    found = needed([], said=[search("xyzzy", 2_000)])
    assert (found.known, found.vector, found.spectrum[0].vector) == (True, None, None)


def test_words_of_disliked_products_are_left_out(needed: Any) -> None:
    found = needed([(0, 1, Kind.LIKE, 1_000), (0, 2, Kind.DISLIKE, 1_001)])
    assert [word for word, _ in found.words] == ["word1"]


def test_a_product_that_is_not_known_here_is_told_and_not_invented(needed: Any) -> None:
    found = needed([(0, 99, Kind.PURCHASE, 1_000), (0, 1, Kind.VIEW, 1_001)])
    assert (found.blind, [b.product_id for b in found.spectrum], found.behaviors) == (1, ["p1"], 2)


def test_the_same_log_gives_the_same_need_whenever_it_is_read(needed: Any) -> None:
    done = [(0, 1, Kind.LIKE, 1_000), (0, 2, Kind.LIKE, 3 * DAY)]
    later = [(p, x, k, at + 400 * DAY) for p, x, k, at in done]
    np.testing.assert_allclose(needed(done).vector, needed(later).vector, atol=1e-6)


def test_the_last_texts_stay_and_repeats_are_passed_over() -> None:
    texts = [search(f"t{i}", i + 1)[0] for i in range(KEPT + 3)]
    words = Words().add(texts).add(texts[-2:])
    assert [text.text for text in words.texts] == [f"t{i}" for i in range(3, KEPT + 3)]
    assert words.asked == KEPT + 3


def test_most_texts_tell_the_language() -> None:
    given = [Text("a", TextKind.SEARCH, i, 1, i + 1, tongue) for i, tongue in enumerate(["en", "zh", "zh", "und", ""])]
    assert Words(tuple(given)).language == "zh"
    assert Words().language == ""
