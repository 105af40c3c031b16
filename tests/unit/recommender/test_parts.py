"""The small parts: words, trends, texts, and when another service is left alone."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from recommender.breaker import Breaker
from recommender.domain.bag import Bag
from recommender.domain.marks import Marks
from recommender.domain.mentions import by_name, sentences
from recommender.domain.postings import Postings
from recommender.domain.product import Position, above, in_language
from recommender.domain.ragged import Ragged
from recommender.domain.trend import HALF_LIFE, Trend, share
from recommender.domain.words import WordTable

NOW = 1_767_225_600_000
WEEK = int(HALF_LIFE / timedelta(milliseconds=1))


def bag(*words: int) -> Bag:
    return Bag(np.array(sorted(words), dtype=np.uint32), np.ones(len(words), dtype=np.float32))


def table(*bags: Bag) -> WordTable:
    made = WordTable()
    for place, each in enumerate(bags):
        made.put(place, each)
    return made


def cosines(words: WordTable, asked: dict[int, float], places: Any) -> Any:
    return words.cosines(words.sought(asked), places)


def test_the_same_words_have_cosine_one_and_others_none() -> None:
    found = cosines(table(bag(1, 2), bag(3), bag(1)), {1: 1.0, 2: 1.0}, [0, 1, 2])
    assert found[0] == pytest.approx(1.0)
    assert found[1] == 0
    assert 0 < found[2] < 1


def test_a_product_that_left_leaves_the_idf_too() -> None:
    made = table(bag(1, 2), bag(1), bag(1))
    made.put(2, None)
    assert cosines(made, {1: 1.0, 2: 1.0}, [0, 1]) == pytest.approx(
        cosines(table(bag(1, 2), bag(1)), {1: 1.0, 2: 1.0}, [0, 1])
    )


def test_one_that_comes_and_one_that_goes_before_anybody_asks_both_count_in_the_idf() -> None:
    lived = table(*(bag(1, 2) for _ in range(5)))
    cosines(lived, {1: 1.0}, [0])
    lived.put(5, bag(1, 3))
    lived.put(0, None)
    fresh = WordTable()
    for place in range(1, 5):
        fresh.put(place, bag(1, 2))
    fresh.put(5, bag(1, 3))
    asked = {1: 1.0, 3: 0.5}
    assert cosines(lived, asked, [1, 5]).tolist() == cosines(fresh, asked, [1, 5]).tolist()


def test_words_nobody_has_and_products_without_words_are_no_error() -> None:
    made = table(bag(1), Bag(np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.float32)))
    assert cosines(made, {99: 1.0}, [0, 1]).tolist() == [0, 0]
    assert cosines(made, {}, [0]).tolist() == [0]
    assert cosines(made, {1: 1.0}, []).tolist() == []


def test_rows_that_come_and_go_in_any_order_read_as_the_last_that_was_put() -> None:
    rng, made, held = random.Random(3), Ragged(), dict[int, list[int]]()
    for _ in range(6_000):  # often enough to close up
        place = rng.randrange(2_000)
        held[place] = [rng.randrange(1, 50) for _ in range(rng.randrange(6))]
        made.put(place, held[place], np.array(held[place], dtype=np.float64) / 16)
    places = [*held, 5_000]
    rows = made.take(places)
    assert rows.lengths.tolist() == [len(held.get(place, ())) for place in places]
    assert rows.sums(rows.weights * rows.numbers).tolist() == [sum(n * n for n in held.get(p, ())) / 16 for p in places]
    assert all(made.numbers(place).tolist() == numbers for place, numbers in held.items())
    assert made.take([]).sums(np.zeros(0)).tolist() == []


def test_weights_are_read_as_they_were_put_but_for_what_decides_nothing_and_are_below_four() -> None:
    made = Ragged()
    made.put(0, [1, 2, 3], np.array([0.123456, 9.0, 1e-6]))
    assert made.take([0]).weights == pytest.approx([0.123456, 4.0, 0.0], abs=1e-4)


def test_lists_of_places_add_up_to_what_a_dictionary_would_say() -> None:
    rng, marks = random.Random(5), Marks()
    for _ in range(200):
        lists = [rng.sample(range(5_000), rng.randrange(300)) for _ in range(rng.randrange(1, 20))]
        weights = [rng.choice([0.25, 0.5, 2.0]) for _ in lists]  # sums of such fractions are exact
        expected = Counter[int]()
        for places, weight in zip(lists, weights, strict=True):
            expected.update(dict.fromkeys(places, weight))  # type: ignore[arg-type] # a counter counts in halves too
        found, sums = marks.together([np.array(each, dtype=np.int32) for each in lists], np.array(weights))
        assert len(found) == len(expected)
        assert dict(zip(found.tolist(), sums.tolist(), strict=True)) == expected


def test_a_behaviour_counts_half_after_the_half_life_whatever_the_order() -> None:
    assert share(NOW, 1.0) == pytest.approx(2 * share(NOW - WEEK, 1.0))
    one, other = Trend(), Trend()
    shares = [(0, share(NOW, 1.0)), (1, share(NOW - WEEK, 1.0)), (1, share(NOW - WEEK, 1.0))]
    one.add(shares)
    other.add(reversed(shares))
    assert one.values(np.array([0, 1])) == pytest.approx(other.values(np.array([0, 1])))
    assert one.values(np.array([0, 1, 9_999])).tolist() == pytest.approx([1, 1, 0])


def test_the_most_popular_are_found_among_very_many_as_if_all_were_sorted() -> None:
    rng, made, counts = random.Random(7), Trend(), dict[int, float]()
    for _ in range(60_000):
        place, value = min(int(rng.paretovariate(0.4)), 20_000), rng.random()
        counts[place] = counts.get(place, 0.0) + value
        made.add([(place, value)])
    expected = sorted(counts, key=lambda place: -counts[place])
    assert made.top(900).tolist() == expected[:900]
    assert made.top(5_000).tolist() == expected[:5_000]
    assert made.values(np.array(expected[:1])).tolist() == [1.0]


def test_times_of_other_centuries_stay_finite() -> None:
    assert all(np.isfinite(share(at, 5.0)) for at in (-(10**14), 0, 10**15))


def test_the_longer_of_two_names_in_one_place_is_meant() -> None:
    found = by_name("Try the Steel Kettle Deluxe!", {0: ["Steel kettle"], 1: ["Steel kettle deluxe"], 2: ["X"]})
    assert [(mention.place, mention.words) for mention in found] == [(1, "Steel Kettle Deluxe")]


def test_sentences_end_in_both_languages() -> None:
    assert sentences("推荐这款水壶。也看看茶杯！") == ["推荐这款水壶。", "也看看茶杯！"]
    assert sentences("One. Two?  \n ...") == ["One.", "Two?"]


def test_a_text_is_given_in_the_nearest_language() -> None:
    texts = {"en": "kettle", "zh": "水壶"}
    assert [in_language(texts, tag) for tag in ("zh-Hant-TW", "en-GB", "fr", "")] == [
        "水壶",
        "kettle",
        "kettle",
        "kettle",
    ]
    assert in_language({"de": "Kessel"}, "fr") == "Kessel"
    assert in_language({}, "en") == ""


def test_models_that_were_loaded_read_texts_without_loading_more() -> None:
    code = """
import sys
import lm.load
from recommender.models import TextModels
models = TextModels(lm.load.encoder("static"))
models.load()
before = set(sys.modules)
assert "rjieba" in before
models.translations("一把不锈钢水壶 steel kettle")
models.named("一把不锈钢水壶 steel kettle")
assert set(sys.modules) == before
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})


def test_a_category_lies_in_those_above_it() -> None:
    assert list(above("a/b/c")) == ["a/b/c", "a/b", "a"]
    assert list(above("")) == []


def test_positions_of_two_lives_are_not_compared() -> None:
    assert Position("new", 0, 0).follows(Position("old", 0, 9))
    assert not Position("old", 0, 9).follows(Position("old", 0, 9))


def test_a_service_that_failed_is_left_alone_and_then_tried_by_one() -> None:
    now = 0.0
    breaker = Breaker(2, timedelta(seconds=1), clock=lambda: now)
    breaker.failed()
    assert not breaker.open()
    breaker.failed()
    assert breaker.open()
    now = 1.5
    assert [breaker.open(), breaker.open()] == [False, True]
    breaker.succeeded()
    assert not breaker.open()


def test_a_table_that_was_asked_meanwhile_answers_as_one_that_was_filled_at_once() -> None:
    rng, lived = random.Random(4), WordTable()
    held: dict[int, Bag | None] = {}
    asked = {1: 1.0, 2: 0.5, 3: 2.0, 77: 0.1}
    for step in range(600):
        place = rng.randrange(3_000)
        held[place] = None if rng.random() < 0.2 else bag(*{int(rng.paretovariate(0.7)) % 90 for _ in range(8)})
        lived.put(place, held[place])
        if step % 3:
            lived.put(place, held[place])  # a price that changes says no other words
        cosines(lived, asked, [place, *held])
    fresh = WordTable()
    for place, words in held.items():
        fresh.put(place, words)
    places = [*held, 5_000]
    assert cosines(lived, asked, places) == pytest.approx(cosines(fresh, asked, places), abs=1e-12)
    assert cosines(lived, asked, [5_000]) == 0  # nothing was ever put there


def test_every_word_of_a_product_is_listed_while_the_lists_are_made_anew() -> None:
    rng, made, renewed = random.Random(4), Postings(), 0
    says: dict[int, list[int]] = {}
    for turn in range(8_000):
        place = rng.randrange(700 + turn // 10)
        before, says[place] = says.get(place, []), rng.sample(range(100), rng.choice((0, 8, 8)))
        made.change(place, before, says[place])
        if made.worn:
            made.renew(max(says) + 1)
            renewed += 1
        made.go_on(lambda each: says.get(each, []))
        number = rng.randrange(100)
        holding = {place for place, said in says.items() if number in said}
        assert holding <= (set(made.places(number).tolist()) if made.count(number) else set())
    assert renewed > 2
    assert sum(map(made.count, range(100))) < 3 * sum(map(len, says.values())) + 4_096


def test_words_find_the_products_that_a_look_at_every_product_would() -> None:
    rng, made = random.Random(9), WordTable()
    held: dict[int, Bag | None] = {}
    for _ in range(4_000):
        place = rng.randrange(1_500)
        held[place] = None if rng.random() < 0.1 else bag(*{int(rng.paretovariate(0.5)) % 900 for _ in range(12)})
        made.put(place, held[place])
    places = np.array([place for place, words in held.items() if words is not None])
    for _ in range(50):
        asked = {int(rng.paretovariate(0.5)) % 900: rng.random() for _ in range(6)}
        found, scores = made.best(made.sought(asked), 20, lambda at: at % 3 > 0)
        _, exact = made.best(made.sought(asked), 10_000, lambda at: at % 3 > 0)
        assert scores == pytest.approx(exact[:20])
        assert (found % 3 > 0).all()
        assert set(found.tolist()) <= set(places.tolist())
        assert (cosines(made, asked, found) > 0).all()
        assert int((cosines(made, asked, places[places % 3 > 0]) > 0).sum()) == len(exact)
