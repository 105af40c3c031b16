"""`python -m attune_embedded.bound --parent PID --folder DIR -- COMMAND…`: a command that ends with its parent."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from attune_embedded import parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m attune_embedded.bound", description=__doc__)
    parser.add_argument("--parent", type=int, required=True, metavar="PID", help="end when this process ends")
    parser.add_argument("--folder", type=Path, required=True, metavar="DIR", help="working directory")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    os.chdir(arguments.folder)
    parent.replace(arguments.parent, arguments.command)


if __name__ == "__main__":
    main()
