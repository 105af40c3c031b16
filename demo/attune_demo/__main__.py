"""`python -m attune_demo FOLDER`: the shop as files, with its pictures."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from attune_demo.images import draw
from attune_demo.shop import UNTIL, files


def main() -> None:
    given = _arguments().parse_args()
    written = files(given.folder, until=given.until, days=given.days, seed=given.seed)
    pictures = draw(given.folder / "images")
    lines = [f"{path}: {len(path.read_bytes().splitlines())} lines" for path in written]
    print("\n".join([*lines, f"{given.folder / 'images'}: {len(pictures)} pictures"]))  # noqa: T201 - says what it wrote


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m attune_demo",
        description="Writes the demo shop: catalogue, people, knowledge, templates, events.",
    )
    parser.add_argument("folder", type=Path, help="where to write; made when it does not exist")
    parser.add_argument(
        "--until",
        type=_time,
        default=UNTIL,
        help="when the events end, such as 2026-11-01 (default) or 2026-11-01T12:00",
    )
    parser.add_argument("--days", type=int, default=28, help="how many days of events (default 28)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other events (default 0)")
    return parser


def _time(text: str) -> datetime:
    """A time without a zone is UTC."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


if __name__ == "__main__":
    main()
