from __future__ import annotations

from pathlib import Path

import pytest

from attune_servers import missing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a Redis of its own, in a folder whose name needs care."""
    if reason := missing(kafka=False, neo4j=False):
        pytest.skip(reason)
    return tmp_path / "my shop 商店"
