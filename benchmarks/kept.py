"""Where the last result of a benchmark stands: a file beside its script, one for each edition of the engines."""

from __future__ import annotations

import shlex
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path


def options(parser: ArgumentParser) -> None:
    """How to look at what a script prints without replacing what is kept."""
    parser.add_argument("--no-keep", action="store_true", help="print only: leave the last result as it is")


def keep(script: str, lines: Sequence[str], edition: str = "servers") -> Path:
    """Write what the script at `script` printed; a run that was told anything says in its first line what."""
    here = Path(script).resolve()
    told = [f"$ {shlex.join(['python', f'benchmarks/{here.name}', *sys.argv[1:]])}"] if sys.argv[1:] else []
    file = here.with_name(here.stem + ("" if edition == "servers" else f"_{edition}") + ".txt")
    file.write_text("\n".join([*told, *lines]) + "\n", encoding="utf-8")
    return file
