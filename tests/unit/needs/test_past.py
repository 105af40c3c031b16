"""A need as it is explained, as it was, as it would be, and under several ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from needs.domain.fold import fold
from needs.domain.identity import names, product_name
from needs.domain.need import Mode, Need, need_of
from needs.domain.past import Past
from needs.domain.spectrum import ReadText
from needs.domain.state import RING
from needs.domain.weights import Kind, KindWeights, Recency, TextKind
from needs.domain.words import KEPT, Text, Words

RECENCY = Recency()
MINUTE, DAY = 60_000, 86_400_000


def said(words: str, at: int, event: int = 0, kind: TextKind = TextKind.SEARCH) -> Text:
    return Text(words, kind, at, 1.0, event or at, "en")


@pytest.fixture
def past(table: Any, behaviors: Any, empty: Any) -> Any:
    def make(done: list[Any], texts: tuple[Text, ...] = ()) -> Past:
        rows = empty(1)
        fold(rows, behaviors(done), table, RECENCY)
        return Past.of(rows[0], Words().add(texts))

    return make


@pytest.fixture
def needed(table: Any) -> Any:
    def ask(of: Past, mode: Mode = Mode.WEIGHTED) -> Need:
        read = []
        for text in of.texts:  # each text has a direction of its own
            vector = np.random.default_rng(int(names([text.text])[0])).standard_normal(8).astype(np.float32)
            read.append(ReadText(vector / np.linalg.norm(vector), ((text.text, 1.0),)))
        return need_of(of, read, table, RECENCY, mode)

    return ask


def shares(need: Need) -> float:
    return sum(behavior.share for behavior in need.spectrum) + need.earlier_share


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("mode", Mode)
def test_the_shares_of_all_that_made_a_need_add_up_to_one(
    seed: int, mode: Mode, past: Any, needed: Any, busy: Any
) -> None:
    done = busy(seed, 1, 1 + 3 * seed)
    words = tuple(said(f"t{i}", 1_700_000_000_000 + i * DAY, i + 1) for i in range(seed % 11))
    found = needed(past(done, words), mode)
    if found.vector is None:
        assert shares(found) == 0
    else:
        assert shares(found) == pytest.approx(1, abs=1e-6)


def test_a_share_is_the_weight_times_the_cosine_over_the_length(past: Any, needed: Any, table: Any) -> None:
    found = needed(past([(0, 1, Kind.PURCHASE, 1_000), (0, 2, Kind.DISLIKE, 1_001)]))
    e1, e2 = (table.get("shop", f"p{i}").vector.astype(float) for i in (1, 2))
    total = 2.0 * 2 ** (-1.5 / 2) * e1 - 1.5 * e2  # the dislike is the newer and takes of the purchase's attention
    length = np.linalg.norm(total)
    wanted = [-1.5 * (e2 @ total) / length**2, 2.0 * 2 ** (-1.5 / 2) * (e1 @ total) / length**2]
    assert [b.share for b in found.spectrum] == pytest.approx(wanted, rel=1e-5)
    assert [b.product_id for b in found.spectrum] == ["p2", "p1"]


def test_what_left_the_ring_has_its_share_too(past: Any, needed: Any) -> None:
    found = needed(past([(0, 1, Kind.PURCHASE, 1_000 + i) for i in range(RING + 5)]))
    assert 0 < found.earlier_share < 0.5
    assert needed(past([(0, 1, Kind.PURCHASE, 1_000 + i) for i in range(RING + 5)]), Mode.ARTICLE).earlier_share == 0


def test_this_visit_and_what_came_before_are_told_apart(past: Any, needed: Any, table: Any) -> None:
    long_ago = [(0, 1, Kind.VIEW, DAY)]
    now = [(0, 2, Kind.VIEW, 2 * DAY), (0, 3, Kind.VIEW, 2 * DAY + 29 * MINUTE)]
    found = needed(past(long_ago + now))
    np.testing.assert_allclose(found.long_term, table.get("shop", "p1").vector, atol=1e-6)
    assert abs(found.session @ table.get("shop", "p1").vector) < 1
    parts = [part for part in (found.session, found.long_term) if part is not None]
    assert np.linalg.matrix_rank(np.stack([*parts, found.vector]), tol=1e-3) == 2  # the need is made of both


def test_one_visit_has_nothing_before_it(past: Any, needed: Any) -> None:
    found = needed(past([(0, 1, Kind.VIEW, 1_000), (0, 2, Kind.VIEW, 1_000 + 30 * MINUTE)]))
    assert (found.session is not None, found.long_term) == (True, None)
    np.testing.assert_allclose(found.session, found.vector, atol=1e-6)


def test_a_return_undoes_its_purchase(past: Any, needed: Any, table: Any) -> None:
    bought = [(0, 1, Kind.PURCHASE, 1_000), (0, 2, Kind.VIEW, 2_000)]
    before, after = needed(past(bought)), needed(past([*bought, (0, 1, Kind.RETURN, 3_000)]))
    p1 = table.get("shop", "p1").vector
    assert before.vector @ p1 > 0.9
    assert sum(b.weight for b in after.spectrum if b.product_id == "p1") <= 0


# As of a moment.


@pytest.mark.parametrize("seed", range(8))
def test_a_need_as_of_a_moment_is_what_it_was_then(seed: int, past: Any, needed: Any) -> None:
    chance = np.random.default_rng(seed)
    done = [(0, int(chance.integers(40)), Kind.CLICK, (i + 1) * DAY) for i in range(50)]
    words = tuple(said(f"t{i}", (40 + 2 * i) * DAY + 1) for i in range(5))
    for until in (35, 44, 50):  # what was said while the tail was still in the ring fades it a little more
        then = needed(past(done[:until], tuple(text for text in words if text.at <= until * DAY)))
        found = needed(past(done, words).until(until * DAY))
        np.testing.assert_allclose(found.vector, then.vector, atol=2e-3)  # the tail keeps three digits
        assert (found.behaviors, found.last_at) == (then.behaviors, then.last_at)
        assert found.incomplete == (until < 50)


def test_a_moment_before_the_spectrum_begins_is_told_to_be_incomplete(past: Any, needed: Any) -> None:
    long = past([(0, i, Kind.CLICK, (i + 1) * DAY) for i in range(RING + 1)])
    found = needed(long.until(DAY - 1))
    assert (found.vector, list(found.spectrum), found.incomplete) == (None, [], True)


def test_a_moment_before_all_of_a_short_past_is_empty_and_whole(past: Any, needed: Any) -> None:
    found = needed(past([(0, 1, Kind.CLICK, DAY)], (said("tea", 2 * DAY),)).until(DAY - 1))
    assert (found.known, found.behaviors, found.last_at, found.incomplete) == (False, 0, 0, False)


def test_texts_that_were_pushed_out_make_a_moment_incomplete(past: Any, needed: Any) -> None:
    words = tuple(said(f"t{i}", (i + 1) * DAY) for i in range(KEPT + 2))
    assert needed(past([], words).until(5 * DAY)).incomplete
    assert not needed(past([], words).until(50 * DAY)).incomplete


# What if.


def test_what_would_be_done_moves_the_need_as_doing_it_does(past: Any, needed: Any) -> None:
    done = [(0, i % 7, Kind.CLICK, (i + 1) * DAY) for i in range(RING + 4)]
    more = [(0, 8, Kind.VIEW, 30 * DAY), (0, 9, Kind.PURCHASE, 30 * DAY)]
    kinds = np.array([kind for _, _, kind, _ in more], dtype=np.uint8)
    products = np.array([product_name("shop", f"p{i}") for _, i, _, _ in more], dtype=np.uint64)
    weights = KindWeights().of(kinds, np.full(2, np.nan))
    supposed = needed(past(done).after(products, kinds, weights, 30 * DAY))
    real = needed(past(done + more))
    np.testing.assert_allclose(supposed.vector, real.vector, atol=2e-3)
    assert [b.product_id for b in supposed.spectrum] == [b.product_id for b in real.spectrum]
    assert (supposed.behaviors, supposed.simulated, real.simulated) == (real.behaviors, True, False)
    assert shares(supposed) == pytest.approx(1, abs=1e-6)


# Under several ids.


def test_one_id_alone_is_the_same_as_no_merging(past: Any, needed: Any, busy: Any) -> None:
    one = past(busy(3, 1, 90), (said("tea", 1_700_000_000_000),))
    np.testing.assert_allclose(needed(Past.together([one])).vector, needed(one).vector, atol=1e-6)


def test_two_short_pasts_together_are_what_one_would_be(past: Any, needed: Any) -> None:
    anonymous = [(0, 1, Kind.VIEW, DAY), (0, 2, Kind.PURCHASE, 3 * DAY)]
    known = [(0, 3, Kind.CLICK, 2 * DAY), (0, 4, Kind.CLICK, 4 * DAY)]
    merged = Past.together([past(known, (said("tea", DAY),)), past(anonymous, (said("tent", 5 * DAY),))])
    whole = past(sorted(anonymous + known, key=lambda each: each[3]), (said("tea", DAY), said("tent", 5 * DAY)))
    found, right = needed(merged), needed(whole)
    np.testing.assert_allclose(found.vector, right.vector, atol=1e-6)
    assert [(b.product_id, b.text) for b in found.spectrum] == [(b.product_id, b.text) for b in right.spectrum]
    assert (found.behaviors, found.last_at) == (right.behaviors, right.last_at)


def test_together_no_more_is_shown_than_one_spectrum_holds_and_all_of_it_counts(past: Any, needed: Any) -> None:
    pasts = [
        past(
            [(0, i, Kind.CLICK, DAY + i * 3 + of) for i in range(30)],
            tuple(said(f"{of}/{i}", DAY, 1 + i + 8 * of) for i in range(8)),
        )
        for of in range(3)
    ]
    found = needed(Past.together(pasts))
    assert sum(bool(b.product_id) for b in found.spectrum) == RING
    assert sum(bool(b.text) for b in found.spectrum) == KEPT
    assert shares(found) == pytest.approx(1, abs=1e-6)
    assert found.earlier_share != 0


def test_a_question_about_a_product_is_one_behaviour(past: Any, needed: Any) -> None:
    asked = past([(0, 1, Kind.ASKED, 1_000)], (said("is it red?", 1_000, kind=TextKind.QUESTION),))
    found = needed(asked)
    assert (found.behaviors, len(found.spectrum)) == (1, 2)
    assert needed(asked.until(999)).behaviors == 0
