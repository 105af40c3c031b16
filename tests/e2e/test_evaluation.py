"""Figures through the platform are those of the domain in process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pairs_shop
import pytest
import season_shop

if TYPE_CHECKING:
    from conftest import Attune


FULL, SERVED = "article: plain mean, centrality", "article, as Recommend serves it"


def evaluated(attune: Attune, data: Path, *how: str) -> tuple[dict[str, Any], dict[tuple[str, str], list[str]]]:
    """The figures, and what each person was offered, by row and person."""
    lists = attune.home / "lists.jsonl"
    form = attune.json("evaluate", "recommend", str(data), "--lists", str(lists), *how)
    lines = [json.loads(line) for line in lists.read_text(encoding="utf-8").splitlines()]
    return form, {(line["row"], line["user"]): line["products"] for line in lines}


@pytest.mark.parametrize(("protocol", "measured"), [("p1", "p2"), ("p2", "p2"), ("time", "time")])
def test_the_platform_and_the_domain_in_process_offer_the_same_lists(
    attune: Attune, protocol: str, measured: str
) -> None:
    data = season_shop.write(attune.home / "seasons")
    figures, live = evaluated(attune, data, "--protocol", protocol)
    same_figures, in_process = evaluated(attune, data, "--protocol", measured, "--offline")
    rows = {row for row, _ in live}
    assert rows == {"popularity", "item-kNN, decay .7", SERVED, "default, as Recommend serves it"}
    people = {user for _, user in live}
    assert len(live) == len(rows) * len(people)
    for key in live:
        assert live[key] == in_process[key], key
    assert sum(in_process[FULL, user] != live[SERVED, user] for user in people) > 5  # else no candidate is missed
    found = {row["name"]: row for row in same_figures["again"]}
    assert figures["again"] == [found[row["name"]] for row in figures["again"]]
    assert bool(figures["again"]) == (protocol == "time")


def test_p1_through_the_platform_is_named_the_p2_that_it_is(attune: Attune) -> None:
    data = str(season_shop.write(attune.home / "seasons"))
    told = attune("evaluate", "recommend", data, "--protocol", "p1", "--users", "3")
    assert "p2: the last product of 3 of 40 people" in told
    assert "p1 was asked for: a platform cannot hide what a person did last from its statistics" in told


def test_the_platform_and_the_domain_in_process_find_the_same(attune: Attune) -> None:
    data = pairs_shop.write(attune.home / "pairs")
    live, in_process = (attune.json("evaluate", "search", str(data), *how)["rows"] for how in ([], ["--offline"]))
    found = {row["name"]: row for row in in_process}
    assert [row["name"] for row in live][-1] == "Search, as it is served"
    for row in live:
        assert row == found[row["name"]]
