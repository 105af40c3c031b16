"""Where offers are shown, and what stands there, typed at a terminal."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Attune

KETTLE = "kettle-steep-temp"


def test_an_explanation_reads_like_something_a_shopper_would_believe(attune: Attune) -> None:
    someone = f"someone-{uuid.uuid4().hex[:8]}"
    attune("send", "view", "--user", someone, "--product", KETTLE, "--wait")
    told = attune("recommend", someone, "-k", "3", "--explain", "--language", "en")
    assert ", which you looked at" in told
    assert "you looked at “" in told
    assert "（您看过）" in attune("recommend", someone, "-k", "3", "--explain", "--language", "zh")
    attune("send", "purchase", "--user", someone, "--product", KETTLE, "--wait")
    told = attune("recommend", someone, "-k", "3", "--explain", "--language", "en")
    assert ", which you bought" in told
    assert "you bought “" in told
