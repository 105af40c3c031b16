"""What `make run` installs is all that the packages it installs ask for: tests find more than a newcomer has."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROJECTS = sorted(file for file in ROOT.glob("*/**/pyproject.toml") if ".venv" not in file.parts)
LOCKED = set(
    re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8"), re.MULTILINE)
)


def project(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
    return found


def asked(file: Path) -> set[str]:
    """Names of distributions, as the lock spells them."""
    names = (re.match(r"[A-Za-z0-9._-]+", each) for each in project(file).get("dependencies", ()))
    return {re.sub(r"[._-]+", "-", name[0]).lower() for name in names if name is not None}


@pytest.mark.parametrize("file", PROJECTS, ids=lambda file: str(file.parent.relative_to(ROOT)))
def test_whatever_a_package_asks_for_is_installed_to_run_it(file: Path) -> None:
    ours = {project(each)["name"] for each in PROJECTS}
    assert asked(file) - ours <= LOCKED
