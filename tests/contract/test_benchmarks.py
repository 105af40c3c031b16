"""Every benchmark can still be run: what it is made of is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
LOOK = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def test_every_benchmark_finds_what_it_measures() -> None:
    names = sorted(file.stem for file in BENCHMARKS.glob("*.py"))
    found = subprocess.run(
        [sys.executable, "-c", LOOK, *names], cwd=BENCHMARKS, capture_output=True, text=True, check=False
    )
    assert names
    assert found.returncode == 0, found.stderr
