from __future__ import annotations

import math
import random

import pytest

from recommender.domain.graph import CAP, Edges, Graph
from recommender.domain.history import MOST, NEAR, TOGETHER, Done, History

BUY = Done.WANTED | Done.BOUGHT


def past(*behaviors: tuple[int, int]) -> tuple[History, Graph]:
    history, graph = History(), Graph()
    for at, (place, done) in enumerate(behaviors):
        graph.learn([history.add(place, done, at)])
    return history, graph


def snapshot(graph: Graph) -> dict[str, object]:
    return {
        "steps": {a: graph.transitions.row(a).counts.tolist() for a in range(10)},
        "pairs": {a: sorted(graph.together.row(a).places.tolist()) for a in range(10)},
        "met": graph.met[:10].tolist(),
        "degrees": graph.degrees[:10].tolist(),
    }


def test_a_step_counts_less_for_each_product_in_between() -> None:
    _, graph = past((0, Done.SEEN), (1, Done.SEEN), (2, Done.SEEN), (3, Done.SEEN))
    assert graph.transitions.between(2, 3) == 1.0
    assert 1.0 > graph.transitions.between(1, 3) > graph.transitions.between(0, 3) > 0.5
    assert graph.transitions.between(2, 0) == 0.0


def test_a_step_reaches_no_farther_than_its_window() -> None:
    _, graph = past(*[(place, Done.SEEN) for place in range(NEAR + 2)])
    assert graph.transitions.between(0, NEAR) > 0
    assert graph.transitions.between(0, NEAR + 1) == 0


def test_looking_again_adds_no_step() -> None:
    _, once = past((0, Done.SEEN), (1, Done.SEEN))
    _, again = past((0, Done.SEEN), (1, Done.SEEN), (0, Done.SEEN), (1, Done.SEEN))
    assert snapshot(once) == snapshot(again)


def test_products_wanted_by_one_person_are_paired_both_ways_once() -> None:
    _, graph = past((0, BUY), (1, Done.WANTED), (1, BUY))
    assert graph.together.between(0, 1) == graph.together.between(1, 0) == 1.0
    assert graph.degrees[:2].tolist() == [1.0, 1.0]


def test_a_wholesaler_pairs_a_product_with_the_last_few_only() -> None:
    _, graph = past(*[(place, BUY) for place in range(TOGETHER + 5)])
    assert graph.together.between(TOGETHER + 4, 0) == 0
    assert len(graph.together.row(TOGETHER + 4).places) == TOGETHER


def test_a_graph_rebuilt_from_histories_is_the_graph_that_grew() -> None:
    history, grown = past((3, Done.SEEN), (1, BUY), (3, BUY), (2, Done.REFUSED), (1, Done.SEEN), (4, Done.WANTED))
    rebuilt = Graph()
    rebuilt.learn(history.meetings())
    assert snapshot(rebuilt) == snapshot(grown)


def test_changes_may_come_in_any_order() -> None:
    history, _ = past((0, BUY), (1, BUY), (2, Done.SEEN))
    graph = Graph()
    graph.learn(history.undone())
    assert not len(graph.transitions.row(0).places)
    graph.learn(history.meetings())
    assert snapshot(graph) == snapshot(Graph())


def test_what_a_long_history_lets_go_leaves_the_graph_with_it() -> None:
    rng = random.Random(2)
    history, grown = History(), Graph()
    for turn in range(4 * MOST):
        done = rng.choice((Done.SEEN, Done.WANTED, BUY, Done.REFUSED))
        grown.learn([history.add(min(int(rng.expovariate(0.003)), 999), done, turn)])
        grown.learn(history.trim())
    rebuilt = Graph()
    rebuilt.learn(history.meetings())
    assert len(history.items) == MOST
    for edges, again in ((grown.transitions, rebuilt.transitions), (grown.together, rebuilt.together)):
        for place in range(1000):
            assert edges.row(place).places.tolist() == again.row(place).places.tolist()
            assert edges.row(place).counts.tolist() == again.row(place).counts.tolist()
    assert grown.met.tolist() == rebuilt.met.tolist()
    assert grown.degrees.tolist() == rebuilt.degrees.tolist()


def test_what_was_left_alone_for_longest_is_let_go_first() -> None:
    history = History()
    for place in (*range(MOST), 0, MOST):
        history.add(place, Done.SEEN, 0)
    history.trim()
    assert 0 in history.items
    assert 1 not in history.items


def test_a_person_taken_out_leaves_nothing_behind() -> None:
    history, graph = past((0, BUY), (1, Done.SEEN), (2, BUY), (0, Done.SEEN))
    graph.learn(history.undone())
    assert snapshot(graph) == snapshot(Graph())


def test_a_row_holds_the_strongest_neighbours_and_the_length_of_all() -> None:
    edges = Edges()
    for place in range(1, CAP + 20):
        edges.add(0, place, float(place))
    row = edges.row(0)
    assert len(row.places) == CAP
    assert row.places[0] == CAP + 19
    assert math.sqrt(row.squares) == pytest.approx(math.sqrt(sum(n * n for n in range(1, CAP + 20))))


def test_a_row_of_very_many_is_changed_as_it_would_be_made_anew() -> None:
    rng, grown, counts = random.Random(7), Edges(), dict[int, float]()
    for target in range(1_500):
        counts[target] = rng.randrange(1, 4)
        grown.add(0, target, counts[target])
    for step in range(3_000):
        target = rng.choice((rng.randrange(1_600), int(grown.row(0).places[rng.randrange(CAP)])))
        weight = rng.choice((-2.0, -1.0, 1.0, 1.0, 2.0, 0.5))
        counts[target] = counts.get(target, 0.0) + weight
        grown.add(0, target, weight)
        if step % 10 == 0:
            anew = Edges()
            for other, count in counts.items():
                anew.add(0, other, count)
            row, wanted = grown.row(0), anew.row(0)
            assert (row.places.tolist(), row.counts.tolist()) == (wanted.places.tolist(), wanted.counts.tolist())
            assert row.squares == wanted.squares


def test_co_occurrence_is_the_share_that_wanted_both_of_those_who_wanted_either() -> None:
    graph = Graph()
    for person in range(4):
        history = History()
        graph.learn([history.add(0, BUY, person)])
        if person < 1:
            graph.learn([history.add(1, BUY, person)])
    _, places, values = graph.related([1])["co_occurrence"]
    assert places.tolist() == [0]
    assert values[0] == pytest.approx(1 / 4)


def test_links_of_the_catalogue_hold_both_ways_until_it_says_otherwise() -> None:
    graph = Graph()
    graph.state(0, [("goes_with", 1, 0.5)])
    assert graph.related([1])["goes_with"].places.tolist() == [0]
    graph.state(0, [])
    assert "goes_with" not in graph.related([1])


def test_what_was_refused_is_no_recent_product_until_it_is_wanted_again() -> None:
    history = History()
    for turn, (place, done) in enumerate([(0, Done.SEEN), (1, Done.SEEN), (0, Done.REFUSED)]):
        history.add(place, done, turn)
    assert history.recent(5) == [1]
    history.add(0, Done.SEEN, 9)
    assert history.recent(5) == [0, 1]


def test_products_of_one_moment_lie_equally_far_back() -> None:
    history = History()
    for place, at in ((0, 10), (1, 20), (2, 20), (3, 20), (4, 30)):
        history.add(place, BUY, at)
    assert history.recent(5) == [4, 3, 2, 1, 0]
    assert history.back([4, 3, 2, 1, 0]) == [0, 1, 1, 1, 2]
    assert history.back([]) == []
