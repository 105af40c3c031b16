"""Figures through the platform are those of the domain in process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pairs_shop
import pytest

if TYPE_CHECKING:
    from conftest import Attune


def offered(attune: Attune, data: Path, *how: str) -> dict[tuple[str, str], list[str]]:
    lists = attune.home / "lists.jsonl"
    attune("evaluate", "recommend", str(data), "--lists", str(lists), *how)
    lines = [json.loads(line) for line in lists.read_text(encoding="utf-8").splitlines()]
    return {(line["row"].partition(":")[0], line["user"]): line["products"] for line in lines}


@pytest.mark.parametrize("protocol", ["p2", "time"])
def test_the_platform_and_the_domain_in_process_offer_the_same_lists(attune: Attune, protocol: str) -> None:
    data = pairs_shop.write(attune.home / "pairs")
    live = offered(attune, data, "--protocol", protocol)
    in_process = offered(attune, data, "--protocol", protocol, "--offline")
    rows = {row for row, _ in live}
    assert rows == {"popularity", "item-kNN, decay .7", "article", "default, as Recommend serves it"}
    assert len(live) == len(rows) * len({user for _, user in live})
    for key in live:
        assert live[key] == in_process[key], key


def test_the_platform_and_the_domain_in_process_find_the_same(attune: Attune) -> None:
    data = pairs_shop.write(attune.home / "pairs")
    live, in_process = (attune.json("evaluate", "search", str(data), *how)["rows"] for how in ([], ["--offline"]))
    found = {row["name"]: row for row in in_process}
    assert [row["name"] for row in live][-1] == "Search, as it is served"
    for row in live:
        assert row == found[row["name"]]
