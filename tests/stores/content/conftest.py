from __future__ import annotations

import pytest


@pytest.fixture(params=["embedded", "real"])
def redis_url(request: pytest.FixtureRequest, redis_url: str) -> str:
    """Every store of content on every Redis that is present."""
    return redis_url if request.param == "embedded" else str(request.getfixturevalue("real_redis_url"))
