"""A shop learns its own coefficients from its events, and can take them back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import fashion_shop

if TYPE_CHECKING:
    from conftest import Attune

SHOP = "fashion"


def test_what_a_shop_learned_ranks_at_once_and_earlier_versions_come_back(attune: Attune) -> None:
    catalog, events = map(str, fashion_shop.write(attune.home / "fashion"))
    attune("load", "catalog", catalog, "--tenant", SHOP)
    attune("replay", events, "--tenant", SHOP)
    before = attune.json("recommend", "p1", "--tenant", SHOP)
    assert before["ranker"] == "shipped"

    learned = attune.json("train", "ranker", "--tenant", SHOP)
    assert learned["passes"]
    assert learned["published"]
    after = attune.json("recommend", "p1", "--tenant", SHOP)
    assert after["ranker"] == learned["version"]
    weights = {term["name"]: term["weight"] for term in after["recommendations"][0]["score"]["terms"]}
    assert abs(weights["trend"] - learned["coefficients"]["trend"]["after"]) < 0.001

    worse = attune.home / "worse.json"
    worse.write_text(json.dumps({"trend": 0, "sim.dense": 3.1}))
    attune("train", "ranker", "--tenant", SHOP, "--propose", str(worse), code=4)
    assert attune.json("recommend", "p1", "--tenant", SHOP)["ranker"] == learned["version"]

    attune("train", "ranker", "--tenant", SHOP, "--shipped")
    assert attune.json("recommend", "p1", "--tenant", SHOP)["recommendations"] == before["recommendations"]
    attune("train", "ranker", "--tenant", SHOP, "--rollback", "nothing", code=3)
    attune("train", "ranker", "--tenant", SHOP, "--rollback", learned["version"])
    listed = attune.json("train", "list", "--tenant", SHOP)
    assert listed["in_force"] == learned["version"] in {each["version"] for each in listed["versions"]}
