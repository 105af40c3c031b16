from __future__ import annotations

import json
from pathlib import Path

import fashion_shop
import numpy as np
import pytest
from typer.testing import CliRunner

from attune_cli.main import app
from attune_evaluate.learning.choices import Choice
from attune_evaluate.learning.fitting import Listwise, fit, quality
from attune_evaluate.learning.gate import judged


@pytest.fixture(scope="session")
def fashion(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return fashion_shop.write(tmp_path_factory.mktemp("fashion"))


@pytest.fixture(autouse=True)
def nobody_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def trained(shop: tuple[Path, Path], *more: str, code: int = 0) -> dict:
    catalog, events = map(str, shop)
    arguments = ["train", "ranker", "--catalog", catalog, "--events", events, "--dry-run", "--json", *more]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def made_up(weights: list[float], people: int = 300) -> list[Choice]:
    """Choices of people who mean these weights, but for some noise."""
    chance = np.random.default_rng(3)
    found = []
    for person in range(people):
        values = chance.random((30, len(weights)))
        noise = chance.gumbel(size=30) * 0.1
        found.append(Choice(f"p{person}", values, int((values @ np.array(weights) + noise).argmax())))
    return found


def test_a_shop_that_follows_fashion_learns_that_trend_counts(fashion: tuple[Path, Path]) -> None:
    result = trained(fashion)
    assert result["passes"]
    assert not result["published"]
    assert result["ndcg_after"] > result["ndcg_before"]
    trend = result["coefficients"]["trend"]
    assert trend["after"] > 5 * trend["before"]


def test_the_gate_refuses_coefficients_that_are_not_better(fashion: tuple[Path, Path], tmp_path: Path) -> None:
    proposed = tmp_path / "worse.json"
    proposed.write_text('{"trend": 0, "sim.dense": 3.1, "rel.transition": 0.02}')
    result = trained(fashion, "--propose", str(proposed), code=4)
    assert not result["passes"]
    assert not result["published"]


def test_the_gate_refuses_what_changes_nothing(fashion: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "same.json").write_text("{}")
    assert trained(fashion, "--propose", str(tmp_path / "same.json"), code=4)["sure"] == 0


def test_too_few_events_are_refused_with_the_number_that_is_needed(tmp_path: Path) -> None:
    catalog, events = fashion_shop.write(tmp_path / "small", people=10)
    done = CliRunner().invoke(app, ["train", "ranker", "--catalog", str(catalog), "--events", str(events), "--dry-run"])
    assert done.exit_code == 3
    assert "200 and 100 are needed" in done.output


def test_a_term_that_f_does_not_have_is_refused_with_those_it_has(fashion: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text('{"luck": 1}')
    catalog, events = map(str, fashion)
    done = CliRunner().invoke(
        app,
        [
            "train",
            "ranker",
            "--catalog",
            catalog,
            "--events",
            events,
            "--dry-run",
            "--propose",
            str(tmp_path / "odd.json"),
        ],
    )
    assert done.exit_code == 2
    assert "luck: no such term; there are sim.dense" in done.output


def test_training_without_a_platform_says_how_to_get_one() -> None:
    done = CliRunner().invoke(app, ["train", "ranker"])
    assert done.exit_code == 1
    assert "attune up" in done.output


def test_what_people_meant_is_found_again_up_to_its_scale() -> None:
    meant = [1.0, 0.0, 2.0]
    found = fit(made_up(meant), np.array([1.0, 1.0, 1.0]), 0.003)
    assert found[1] < 0.1 * found[2]
    assert found[2] / found[0] == pytest.approx(2, rel=0.2)


def test_coefficients_stay_near_where_they_began_when_the_pull_is_strong() -> None:
    begin = np.array([1.0, 1.0, 1.0])
    near, far = (fit(made_up([1.0, 0.0, 2.0]), begin, strength) for strength in (1e4, 0.003))
    assert np.abs(near - begin).max() < 0.05 < np.abs(far - begin).max()


def test_the_gradient_is_that_of_the_loss() -> None:
    lists, at = Listwise(made_up([1.0, 0.5], 20)), np.array([0.7, 0.3])
    _, gradient = lists.loss(at)
    step = 1e-6
    for term in range(2):
        ahead, behind = at.copy(), at.copy()
        ahead[term] += step
        behind[term] -= step
        assert (lists.loss(ahead)[0] - lists.loss(behind)[0]) / (2 * step) == pytest.approx(gradient[term], abs=1e-4)


def test_random_coefficients_are_refused() -> None:
    later = made_up([1.0, 0.0, 2.0, 0.0])
    for seed in range(5):
        verdict = judged(later, np.array([1.0, 0.0, 2.0, 0.0]), np.random.default_rng(seed).random(4))
        assert not verdict.passes


def test_a_choice_that_was_no_candidate_was_not_found() -> None:
    assert quality([Choice("p", np.ones((3, 2)), -1)], np.ones(2)).tolist() == [0]


def test_who_chose_often_has_one_voice() -> None:
    one, other = made_up([1.0, 2.0], 2)
    often = [Choice("a", one.values, one.chosen)] * 9 + [Choice("b", other.values, other.chosen)]
    assert judged(often, np.ones(2), np.ones(2)).people == 2
