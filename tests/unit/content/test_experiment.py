"""The experiment shows what works more often, and says with which probability it chose."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from content.domain.experiment import Counts, Experiment, choose, context, posterior, posterior_in, report, wins

EVEN = [0.0, 0.0, 0.0]


def test_the_propensities_of_all_arms_add_up_to_one() -> None:
    posteriors = [posterior(Counts(100, 5)), posterior(Counts(80, 9)), posterior(Counts())]
    log_p = [-0.4, -1.9, -1.7]
    assert sum(wins(posteriors, log_p, place) for place in range(3)) == pytest.approx(1, abs=2e-3)


def test_the_propensity_is_the_share_of_draws_that_choose_the_arm() -> None:
    posteriors = [posterior(Counts(100, 5)), posterior(Counts(80, 9)), posterior(Counts())]
    log_p = [-0.9, -1.2, -1.1]
    drawn = Counter(choose(posteriors, log_p, seed)[0] for seed in range(4000))
    for place in range(3):
        assert drawn[place] / 4000 == pytest.approx(wins(posteriors, log_p, place), abs=0.03)


def test_the_same_seed_chooses_the_same_arm_with_the_same_propensity() -> None:
    posteriors = [posterior(Counts(10, 1)), posterior(Counts(10, 2))]
    assert choose(posteriors, EVEN[:2], 42) == choose(posteriors, EVEN[:2], 42)


def test_the_only_arm_is_chosen_for_sure() -> None:
    assert choose([posterior(Counts())], [0.0], 1) == (0, 1.0)


def test_a_hopeless_arm_keeps_a_propensity_above_zero() -> None:
    assert 0 < wins([posterior(Counts(10_000, 0)), posterior(Counts(10_000, 5_000))], EVEN[:2], 0) <= 1e-5


def test_clicks_without_impressions_do_not_break_the_posterior() -> None:
    found = posterior(Counts(impressions=0, clicks=7))
    low, high = found.interval
    assert 0 < low < found.mean < high < 1


def test_outcomes_of_other_contexts_count_a_quarter() -> None:
    held = Experiment("push.en", {"a": {"buyer": Counts(40, 20), "new": Counts()}})
    there, here = posterior_in(held, "a", "buyer").mean, posterior_in(held, "a", "new").mean
    assert posterior(Counts()).mean < here < there


def test_a_report_has_the_best_mean_first_and_probabilities_that_add_up() -> None:
    arms = report(
        Experiment("push.en", {"a": {"": Counts(200, 4)}, "b": {"new": Counts(100, 20), "": Counts(100, 10)}})
    )
    assert [arm.variant_id for arm in arms] == ["b", "a"]
    assert arms[0].counts == Counts(200, 30)
    assert math.fsum(arm.probability_best for arm in arms) == pytest.approx(1, abs=2e-3)


def test_after_enough_clicks_on_an_arm_it_is_chosen_more() -> None:
    """Thompson sampling against hidden click rates of 2 % and 15 %."""
    chance, rates = np.random.default_rng(5), [0.02, 0.15]
    counts, shown = [Counts(), Counts()], []
    for step in range(600):
        place, _ = choose([posterior(count) for count in counts], EVEN[:2], step)
        counts[place] += Counts(1, int(chance.random() < rates[place]))
        shown.append(place)
    assert np.mean(shown[:50]) < np.mean(shown[-200:])
    assert np.mean(shown[-200:]) > 0.85


def test_people_have_one_of_three_contexts() -> None:
    assert [context(k) for k in ({}, {"view": 3}, {"view": 3, "purchase": 1})] == ["new", "visitor", "buyer"]
