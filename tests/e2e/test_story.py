"""`make run` tells a story, and means it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Attune


def test_the_story_ends_well_twice_on_the_same_data(empty: Attune) -> None:
    data = str(empty.home / "data")
    first = empty("up", "--data", data, "--story", "--exit-after-story")
    second = empty("up", "--data", data, "--story", "--exit-after-story")
    for told in (first, second):
        assert "ms" in told
        assert "Traceback" not in told
