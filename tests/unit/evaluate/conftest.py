from __future__ import annotations

from pathlib import Path

import pairs_shop
import pytest


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pairs_shop.write(tmp_path_factory.mktemp("data") / "pairs")
