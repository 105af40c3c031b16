"""How behaviours become a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from needs.domain.fold import fold
from needs.domain.one_by_one import fold_one_by_one
from needs.domain.state import CATEGORIES, FACETS, LAYOUT, RING, decode_rows, encode_rows, row_type
from needs.domain.weights import Kind, Recency

RECENCY = Recency()
DAY, DIM = 86_400_000, 8
FIRST_LAYOUT = {"counts": ("<u4", (11,))}
COUNTS = {f"{column}_counts" for _, column in FACETS}


def assert_same(ours: Any, theirs: Any) -> None:
    for field in ours.dtype.names:
        if ours[field].dtype.kind == "f":
            np.testing.assert_allclose(ours[field], theirs[field], rtol=2e-3, atol=2e-4, err_msg=field)
        elif field not in {"categories", "brands", "attributes", *COUNTS, "version"}:
            np.testing.assert_array_equal(ours[field], theirs[field], err_msg=field)


def facets(row: Any, plural: str, singular: str) -> dict[int, tuple[float, int]]:
    held = zip(row[plural], row[f"{singular}_weights"], row[f"{singular}_counts"], strict=True)
    return {int(key): (pytest.approx(float(weight), rel=1e-3), int(count)) for key, weight, count in held if key}


@pytest.mark.parametrize("seed", range(12))
def test_a_batch_at_once_is_the_same_as_one_behaviour_after_the_other(
    seed: int, table: Any, behaviors: Any, empty: Any, busy: Any
) -> None:
    people = 1 + seed % 4
    at_once, one_by_one = empty(people), empty(people)
    for part in range(4):  # the second and later batches find a full ring and a tail
        batch = behaviors(busy(100 * seed + part, people, 1 + 60 * (seed % 3)))
        touched = fold(at_once, batch, table, RECENCY)
        assert set(touched.tolist()) == fold_one_by_one(one_by_one, batch, table, RECENCY)
    for column in ("category_weights", "brand_weights", "attribute_weights"):
        at_once[column].sort(axis=1)  # which place a name has is of no meaning
        one_by_one[column].sort(axis=1)
    assert_same(at_once, one_by_one)


@pytest.mark.parametrize("seed", range(4))
def test_both_folds_count_the_same_facets(seed: int, table: Any, behaviors: Any, empty: Any, busy: Any) -> None:
    at_once, one_by_one = empty(2), empty(2)
    batch = behaviors(busy(seed, 2, 300))
    fold(at_once, batch, table, RECENCY)
    fold_one_by_one(one_by_one, batch, table, RECENCY)
    for plural, singular in FACETS:
        for person in range(2):
            expected = facets(one_by_one[person], plural, singular)
            assert facets(at_once[person], plural, singular) == expected
            assert expected


@pytest.mark.parametrize("size", [1, 7])
def test_how_the_log_is_cut_into_batches_changes_nothing(
    size: int, table: Any, behaviors: Any, empty: Any, busy: Any
) -> None:
    done = [(p, x, k, at, f"{i}", s) for i, (p, x, k, at, _, s) in enumerate(busy(3, 3, 200))]
    whole, cut = empty(3), empty(3)
    fold(whole, behaviors(done), table, RECENCY)
    for start in range(0, 200, size):
        fold(cut, behaviors(done[start : start + size]), table, RECENCY)
    for field in ("products", "times", "kept", "counts", "positive", "tail_at"):
        np.testing.assert_array_equal(whole[field], cut[field])
    np.testing.assert_allclose(whole["tail"], cut["tail"], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("seed", range(6))
def test_baskets_fold_alike_however_the_log_is_cut(seed: int, table: Any, behaviors: Any, empty: Any) -> None:
    """Lines of an order have one time; some come late, and some orders are cut by the end of the ring or of a batch."""
    chance, done, at = np.random.default_rng(seed), [], 1_700_000_000_000
    for _ in range(40):
        at += int(chance.integers(-1, 4)) * DAY
        person, kind = int(chance.integers(2)), Kind.PURCHASE if chance.random() < 0.7 else Kind.VIEW
        done += [(person, int(chance.integers(40)), kind, at, f"{len(done) + i}") for i in range(chance.integers(1, 9))]
    at_once, cut, one_by_one = empty(2), empty(2), empty(2)
    fold(at_once, behaviors(done), table, RECENCY)
    for start in range(0, len(done), 7):
        fold(cut, behaviors(done[start : start + 7]), table, RECENCY)
    fold_one_by_one(one_by_one, behaviors(done), table, RECENCY)
    np.testing.assert_allclose(at_once["tail"], one_by_one["tail"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(cut["tail"], one_by_one["tail"], rtol=1e-4, atol=1e-5)


def test_an_event_that_comes_again_is_not_counted_again(table: Any, behaviors: Any, empty: Any) -> None:
    rows = empty(1)
    click = (0, 1, Kind.CLICK, 1_000, "the same")
    fold(rows, behaviors([click, click]), table, RECENCY)
    assert fold(rows, behaviors([click]), table, RECENCY).tolist() == []
    assert rows["kept"].tolist() == [1]


def test_an_impression_is_counted_but_is_no_behaviour(table: Any, behaviors: Any, empty: Any) -> None:
    rows = empty(1)
    shown = (0, 1, Kind.IMPRESSION, 1_000, "shown")
    fold(rows, behaviors([shown, shown]), table, RECENCY)
    assert (rows["kept"][0], rows["counts"][0][Kind.IMPRESSION]) == (0, 1)


def test_the_ring_holds_the_newest_and_the_tail_what_left(table: Any, behaviors: Any, empty: Any) -> None:
    rows = empty(1)
    fold(rows, behaviors([(0, i % 40, Kind.PURCHASE, i * DAY) for i in range(1, RING + 1)]), table, RECENCY)
    assert not rows["tail"].any()
    fold(rows, behaviors([(0, 3, Kind.PURCHASE, 30 * DAY)]), table, RECENCY)
    tail = rows["tail"][0]
    np.testing.assert_allclose(tail / np.linalg.norm(tail), table.get("shop", "p1").vector, atol=1e-3)
    assert rows["times"].min() == 2 * DAY
    assert rows["positive"].tolist() == [1]


def test_attributes_of_what_left_the_ring_still_count(table: Any, behaviors: Any, empty: Any) -> None:
    rows = empty(1)
    done = [(0, 1, Kind.PURCHASE, 1_000), (0, 2, Kind.PURCHASE, 1_001), (0, 2, Kind.DISLIKE, 1_002)]
    fold(rows, behaviors([*done, *((0, 3, Kind.VIEW, 2_000 + i) for i in range(RING))]), table, RECENCY)
    held = facets(rows[0], "attributes", "attribute")
    assert {table.facet(key): count for key, (_, count) in held.items()} == {"colour=red": 1, "colour=blue": 1}


def test_a_name_met_once_makes_room_and_one_met_often_stays(table: Any, behaviors: Any, empty: Any) -> None:
    for i in range(100, 100 + 2 * CATEGORIES):
        often = table.get("shop", "p0")
        table.put(type(often)("shop", f"p{i}", often.vector, category=f"rare{i}"))
    rows = empty(1)
    done = [(0, 0, Kind.PURCHASE, 1_000 + i) for i in range(30)]
    done += [(0, 100 + i, Kind.VIEW, 2_000 + i) for i in range(2 * CATEGORIES)]
    done += [(0, 0, Kind.VIEW, 3_000 + i) for i in range(RING)]
    for start in range(0, len(done), 5):
        fold(rows, behaviors(done[start : start + 5]), table, RECENCY)
    held = [table.facet(int(key)) for key in rows["categories"][0]]
    assert "category0" in held
    assert len(set(held)) == CATEGORIES


def test_a_person_takes_less_than_two_and_a_half_kilobytes() -> None:
    assert row_type(256).itemsize <= 2_500


def test_a_row_survives_being_stored(table: Any, behaviors: Any, empty: Any, busy: Any) -> None:
    rows = empty(2)
    fold(rows, behaviors(busy(1, 2, 100)), table, RECENCY)
    rows["space"] = 9
    again = decode_rows(encode_rows(rows), rows.dtype, space=9)
    assert again.tobytes() == rows.tobytes()


def test_in_another_space_the_tail_is_dropped_and_the_rest_kept(empty: Any) -> None:
    rows = empty(1)
    rows["space"], rows["kept"], rows["tail"] = 9, 5, 1.0
    again = decode_rows(encode_rows(rows), row_type(16), space=10)
    assert (again["kept"].tolist(), again["tail"].any(), again["space"].tolist()) == ([5], False, [10])


def test_a_row_of_the_first_layout_is_read_whole() -> None:
    """Such as a release before this one wrote it, which counted eleven kinds and no attributes of what left."""
    names = row_type(DIM).names or ()
    fields = [(name, *FIRST_LAYOUT.get(name, _form(name))) for name in names if not name.startswith("attribute")]
    old = np.zeros(2, np.dtype(fields))
    chance = np.random.default_rng(3)
    for name, *_ in fields:
        old[name] = chance.integers(1, 100, old[name].shape)
    old["layout"], old["space"] = 1, 9
    read = decode_rows(encode_rows(old), row_type(DIM), space=9)
    for name, *_ in fields:
        if name != "layout":
            np.testing.assert_array_equal(read[name][..., :11] if name == "counts" else read[name], old[name])
    assert (read["layout"].tolist(), read["counts"][:, 11:].any(), read["attributes"].any()) == (
        [LAYOUT] * 2,
        False,
        False,
    )
    other = decode_rows(encode_rows(old), row_type(2 * DIM), space=10)  # the encoder was changed too
    assert (other["kept"].tolist(), other["tail"].any()) == (old["kept"].tolist(), False)


def _form(name: str) -> tuple[str, tuple[int, ...]]:
    kind = row_type(DIM)[name]
    return kind.base.str, kind.shape


def test_a_row_of_a_later_layout_is_read_as_none(empty: Any) -> None:
    rows = empty(1)
    rows["layout"], rows["kept"] = LAYOUT + 1, 5
    assert decode_rows(encode_rows(rows), rows.dtype, space=0)["kept"].tolist() == [0]
