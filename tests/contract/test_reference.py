"""The reference pages are those of this contract and these settings."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", ["events", "settings"])
def test_the_page_is_what_make_reference_writes(name: str) -> None:
    written = (DOCS / "reference" / f"{name}.md").read_text(encoding="utf-8")
    assert written == runpy.run_path(str(DOCS / "tools" / f"{name}_page.py"))["page"]()


def test_the_figures_of_the_readme_are_those_that_benchmarks_kept() -> None:
    written = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert written == runpy.run_path(str(DOCS / "tools" / "figures.py"))["readme"]()
