"""What the shopkeeper of the demo decides, in the JSON form of `attune.events.v1.Rule`."""

from __future__ import annotations

from typing import Any

from attune_demo.source import table


def rules() -> list[dict[str, Any]]:
    """Every rule, in the order of the source."""
    found: list[dict[str, Any]] = table("rules.toml")["rule"]
    return found
