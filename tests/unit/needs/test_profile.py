"""What someone is like, in words and counts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from needs.domain.fold import fold
from needs.domain.past import Past
from needs.domain.profile import profile
from needs.domain.shop_record import ShopRecord
from needs.domain.spectrum import spectrum, spectrum_of
from needs.domain.weights import Kind, Recency
from needs.domain.words import Words

RECENCY = Recency()


@pytest.fixture
def profiled(table: Any, behaviors: Any, empty: Any) -> Any:
    def ask(done: list[Any], record: ShopRecord | None = None) -> Any:
        rows = empty(1)
        fold(rows, behaviors(done), table, RECENCY)
        seen = spectrum(rows[0], Words(), [], table, RECENCY)
        return profile(rows, Words(), record, seen, table, RECENCY)

    return ask


def test_nothing_done_is_an_empty_profile(profiled: Any) -> None:
    found = profiled([])
    assert (found.known, found.categories, found.prices, found.kinds) == (False, [], None, {})


def test_shares_are_of_what_was_liked(profiled: Any) -> None:
    done = [(0, 0, Kind.VIEW, 1_000), (0, 6, Kind.VIEW, 1_001), (0, 1, Kind.VIEW, 1_002), (0, 2, Kind.DISLIKE, 1_003)]
    shares = {facet.name: facet.share for facet in profiled(done).categories}
    assert shares == {"category0": pytest.approx(2 / 3), "category1": pytest.approx(1 / 3)}


def test_what_left_the_ring_still_counts(profiled: Any) -> None:
    done = [(0, 3, Kind.PURCHASE, 1_000 + i) for i in range(30)]
    done += [(0, 1, Kind.VIEW, 2_000 + i) for i in range(20)]
    found = profiled(done)
    assert [(f.name, round(f.share, 2)) for f in found.categories] == [("category3", 0.6), ("category1", 0.4)]
    assert found.kinds == {"purchase": 30, "view": 20}


def test_prices_are_the_quartiles_of_what_was_liked(profiled: Any) -> None:
    found = profiled([(0, i, Kind.VIEW, 1_000 + i) for i in range(5)])
    assert (found.prices.low, found.prices.median, found.prices.high) == (Decimal(11), Decimal(12), Decimal(13))
    assert found.prices.currency == "EUR"


def test_the_shop_knows_the_language_best(profiled: Any) -> None:
    found = profiled([], ShopRecord(language="zh", tier="gold"))
    assert (found.known, found.language, found.record.tier) == (True, "zh", "gold")


def test_attributes_are_named_with_their_values(profiled: Any) -> None:
    found = profiled([(0, 1, Kind.VIEW, 1_000), (0, 3, Kind.VIEW, 1_001)])
    assert [(facet.name, facet.share) for facet in found.attributes] == [("colour=red", 1.0)]


def test_attributes_of_what_left_the_ring_still_count(profiled: Any) -> None:
    done = [(0, 1, Kind.VIEW, 1_000 + i) for i in range(10)] + [(0, 2, Kind.VIEW, 2_000 + i) for i in range(30)]
    assert {facet.name: facet.share for facet in profiled(done).attributes} == {
        "colour=blue": pytest.approx(0.75),
        "colour=red": pytest.approx(0.25),
    }


def test_what_was_returned_or_disliked_is_not_liked(profiled: Any) -> None:
    done = [(0, 1, Kind.PURCHASE, 1_000), (0, 2, Kind.VIEW, 1_001), (0, 3, Kind.VIEW, 1_002)]
    done += [(0, 1, Kind.RETURN, 2_000), (0, 2, Kind.DISLIKE, 2_001)]
    found = profiled(done)
    assert [facet.name for facet in found.categories] == ["category3"]
    assert found.kinds == {"purchase": 1, "view": 2, "return": 1, "dislike": 1}


def test_ids_of_one_person_are_profiled_together(table: Any, behaviors: Any, empty: Any) -> None:
    rows = empty(2)
    fold(rows, behaviors([(0, 3, Kind.PURCHASE, 1_000 + i) for i in range(30)]), table, RECENCY)
    fold(rows, behaviors([(1, 1, Kind.VIEW, 2_000 + i, f"of the other {i}") for i in range(30)]), table, RECENCY)
    seen = spectrum_of(Past.together([Past.of(row, Words()) for row in rows]), [], table, RECENCY)
    found = profile(rows, Words(), None, seen, table, RECENCY)
    assert {facet.name: facet.share for facet in found.categories} == {"category3": 0.5, "category1": 0.5}
    assert found.kinds == {"purchase": 30, "view": 30}
