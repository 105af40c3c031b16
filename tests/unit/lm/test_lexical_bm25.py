from __future__ import annotations

import math

import numpy as np
import pytest

from lm.lexical import Bm25, words

ENTRIES = {
    "return": "How do I return an item?",
    "refund": "When does my refund arrive? A refund takes five days.",
    "保温杯": "不锈钢保温杯 500ml",
    "杯垫": "硅胶杯垫 防滑",
}


@pytest.fixture
def index() -> Bm25[str]:
    filled = Bm25[str]()
    for entry, text in ENTRIES.items():
        filled.add(entry, words(text))
    return filled


@pytest.mark.parametrize(
    ("text", "entry"), [("returning items", "return"), ("保温", "保温杯"), ("refund 退款", "refund")]
)
def test_the_entry_that_shares_the_rarest_words_comes_first(index: Bm25[str], text: str, entry: str) -> None:
    assert index.search(words(text), 3)[0][0] == entry


def test_scores_are_those_of_the_formula() -> None:
    index = Bm25[int]()
    index.add(1, ["red", "red", "shoe"])
    index.add(2, ["hat"])
    idf = math.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
    expected = idf * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2))
    assert index.search(["red", "red"], 5) == [(1, pytest.approx(expected))]


def test_only_entries_that_share_a_word_are_found(index: Bm25[str]) -> None:
    assert index.search(words("giraffe"), 10) == []
    assert [entry for entry, _ in index.search(words("item"), 10)] == ["return"]


@pytest.mark.parametrize("k", [-1, 0])
def test_asking_for_nothing_gives_nothing(index: Bm25[str], k: int) -> None:
    assert index.search(words("refund"), k) == []


def test_an_empty_index_answers() -> None:
    index = Bm25[str]()
    assert index.search(["red"], 3) == []
    assert index.score(["red"], ["x"]).tolist() == [0.0]
    index.add("no words", [])
    assert index.search(["red"], 3) == []


def test_an_unknown_word_has_the_largest_idf(index: Bm25[str]) -> None:
    assert index.idf("giraffe") > index.idf("refund") > 0


def test_a_removed_entry_leaves_the_idf_and_the_lengths_too(index: Bm25[str]) -> None:
    never = Bm25[str]()
    for entry, text in ENTRIES.items():
        if entry != "refund":
            never.add(entry, words(text))
    index.remove("refund")
    everything = [word for text in ENTRIES.values() for word in words(text)]
    assert len(index) == len(never) == 3
    assert "refund" not in index
    assert [index.idf(word) for word in everything] == [never.idf(word) for word in everything]
    assert index.search(everything, 10) == never.search(everything, 10)


def test_removing_an_unknown_entry_changes_nothing(index: Bm25[str]) -> None:
    before = index.search(words("refund 保温杯"), 10)
    index.remove("nobody")
    assert index.search(words("refund 保温杯"), 10) == before


def test_adding_again_replaces(index: Bm25[str]) -> None:
    index.add("return", words("exchange"))
    index.add("return", words("exchange"))
    assert len(index) == 4
    assert index.search(words("return item"), 10) == []
    assert [entry for entry, _ in index.search(words("exchange"), 10)] == ["return"]


def test_a_word_repeated_a_thousand_times_never_counts_more_than_its_limit() -> None:
    index = Bm25[str]()
    index.add("spam", ["buy"] * 1_000)
    index.add("shop", ["buy", "shoe"])
    assert 0 < dict(index.search(["buy"], 2))["spam"] < 2.2 * index.idf("buy")


def test_scores_of_given_entries_are_those_of_the_search(index: Bm25[str]) -> None:
    asked = words("refund item 杯")
    found = dict(index.search(asked, 10))
    scores = index.score(asked, [*ENTRIES, "nobody"])
    assert scores.tolist() == [*(found.get(entry, 0.0) for entry in ENTRIES), 0.0]


def test_churn_leaves_the_same_index_as_a_fresh_one() -> None:
    chance = np.random.default_rng(7)
    vocabulary = [f"w{n}" for n in range(60)]
    index, held = Bm25[int](), {}
    for _ in range(2_000):
        entry = int(chance.integers(50))
        if chance.random() < 0.4:
            index.remove(entry)
            held.pop(entry, None)
        else:
            held[entry] = chance.choice(vocabulary, size=int(chance.integers(12))).tolist()
            index.add(entry, held[entry])
    fresh = Bm25[int]()
    for entry, said in held.items():
        fresh.add(entry, said)
    for word in vocabulary:
        assert dict(index.search([word], 50)) == dict(fresh.search([word], 50))
    assert len(index) == len(held)


def test_the_best_k_are_the_first_k_of_all() -> None:
    chance = np.random.default_rng(3)
    index = Bm25[int]()
    for entry in range(500):
        index.add(entry, [f"w{n}" for n in chance.integers(40, size=8)])
    asked = ["w1", "w2", "w3", "w4"]
    everyone = index.search(asked, 500)
    assert [score for _, score in everyone] == sorted((score for _, score in everyone), reverse=True)
    for k in (1, 7, 100):
        assert index.search(asked, k) == everyone[:k]
