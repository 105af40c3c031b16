"""What a shopkeeper decides, typed at a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Attune

SHOP, OTHER = "ruled", "ruled-too"


@pytest.fixture
def written(attune: Attune) -> Any:
    """Writes a file of rules; its name."""

    def write(*rules: dict[str, Any]) -> str:
        path = attune.home / "rules.jsonl"
        path.write_text("".join(json.dumps(rule) + "\n" for rule in rules), encoding="utf-8")
        return str(path)

    return write


def test_rules_are_checked_sent_listed_and_taken_back(attune: Attune, written: Any) -> None:
    file = written(
        {"rule_id": "no-wine", "exclude": {}, "match": {"categories": ["wine"]}, "reason": "no licence"},
        {"rule_id": "mixed", "brand_cap": {"most": 2}},
    )
    assert "'wine' is not in the catalogue" in attune("rules", "check", file, "--tenant", SHOP)
    assert "no rules" in attune("rules", "list", "--tenant", SHOP, code=3)
    assert "2 rules hold" in attune("rules", "send", file, "--tenant", SHOP)
    listed = attune("rules", "list", "--tenant", SHOP)
    assert "no licence" in listed
    assert "most=2" in listed
    assert "nope" in attune("rules", "remove", "nope", "--tenant", SHOP, code=3)
    attune("rules", "send", file, "--tenant", OTHER)
    attune("rules", "remove", "no-wine", "mixed", "--tenant", SHOP)
    attune("rules", "list", "--tenant", SHOP, code=3)
    assert "no licence" in attune("rules", "list", "--tenant", OTHER)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"rule_id": "all", "exclude": {}}, "match: say which products"),
        ({"rule_id": "none"}, "effect"),
        ({"rule_id": "much", "brand_cap": {"most": 1000}}, "brand_cap.most"),
    ],
)
def test_a_bad_rule_is_not_sent_and_the_reason_is_told(attune: Attune, written: Any, rule: Any, says: str) -> None:
    for verb in ("check", "send"):
        assert says in attune("rules", verb, written(rule), "--tenant", SHOP, code=2)
    attune("rules", "list", "--tenant", SHOP, code=3)
